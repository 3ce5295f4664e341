// What one person can rely on in the page.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { open } from '../control.mjs'
import { Person, assertSame, launch, until } from './chat.mjs'
import { fill } from './fill.mjs'

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

test('history scrolls back past a screen, page by page, to the first line', async () => {
  const server = await open()
  const texts = Array.from({ length: 400 }, (_, i) => `line ${i + 1}`)
  await fill(server.url, 'Writer', 'lobby', texts)
  const ann = await Person.enter(browser, server.url, 'Ann')
  await ann.sees('line 400')
  assert.ok((await ann.lines()).length < 400, 'not everything at once')
  const inView = (text) => ann.line(text).evaluate((line) => {
    const { top, bottom } = line.getBoundingClientRect()
    const log = line.closest('[data-testid=log]').getBoundingClientRect()
    return top >= log.top - 1 && bottom <= log.bottom + 1
  })
  await until('it begins at the newest', () => inView('line 400'))

  const seen = new Map()
  const box = await ann.at('log').boundingBox()
  await ann.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
  await until('line 1 is in view', async () => {
    await ann.page.mouse.wheel(0, -700)
    for (const { seq, text } of await ann.lines()) seen.set(seq, text)
    return seen.has(1) && inView('line 1')
  })
  assert.deepEqual(texts.map((_, i) => seen.get(i + 1)), texts, 'no hole, no double, in order')

  // Reading old lines is not disturbed by a new one, and there is a way back.
  await fill(server.url, 'Interrupter', 'lobby', ['news'])
  await ann.at('jump-latest').waitFor()
  assert.ok(await inView('line 1'), 'a new line does not move what is read')
  await ann.at('jump-latest').click()
  await ann.sees('news')
  await until('the news is in view', () => inView('news'))
  await ann.leave()
})

test('what is being read stays where it is while older lines come in above it', async () => {
  const server = await open()
  await fill(server.url, 'Writer', 'lobby', Array.from({ length: 200 }, (_, i) => `line ${i + 1}`))
  const ann = await Person.enter(browser, server.url, 'Ann')
  await ann.sees('line 200')
  const box = await ann.at('log').boundingBox()
  await ann.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
  const first = (await ann.lines())[0].seq
  await until('older lines are there', async () => {
    if ((await ann.lines())[0].seq < first) return true
    // Not while they are on their way: steps that wait for them would all be taken when they are there.
    if (await ann.at('log').evaluate((log) => log.scrollTop > 0)) await ann.page.mouse.wheel(0, -300)
    return false
  })
  // One wheel step moved the view by 300; the lines that came in must not move it by their height.
  const top = await ann.at('log').evaluate((log) => {
    const edge = log.getBoundingClientRect().top
    const line = [...log.querySelectorAll('[data-testid=message]')].find((m) => m.getBoundingClientRect().bottom > edge)
    return Number(line.dataset.seq)
  })
  assert.ok(top > first - 25, `after older lines came in, the view begins at line ${top}; it was near ${first}`)
  await ann.leave()
})

test('a name and a message full of HTML are text', async () => {
  const server = await open()
  const name = '<img src=x onerror="window.pwned=1">'
  const attacks = [
    '<script>window.pwned=1</script><b>bold</b>',
    '<img src=x onerror=window.pwned=1>',
    '<svg/onload=window.pwned=1>',
    '"><iframe srcdoc="<script>parent.pwned=1</script>"></iframe>',
    '<a href="javascript:window.pwned=1">click</a> javascript:window.pwned=1',
    '{{constructor.constructor("window.pwned=1")()}} ${window.pwned=1} {@html 1}',
    '&lt;b&gt; &amp; &nbsp;',
    '\u202egnp.exe',
  ]
  const ann = await Person.enter(browser, server.url, name)
  const ben = await Person.enter(browser, server.url, 'Ben')
  for (const attack of attacks) {
    await ann.say(attack)
    await ben.sees(attack)
  }
  await assertSame([ann, ben], attacks)
  await ben.at('people').getByText(name).waitFor()
  await ann.at('composer').pressSequentially('hm')
  await ben.at('typing').getByText(name).waitFor()
  // A room, its topic, and what finds it.
  const topic = 'javascript:window.pwned=1 <img src=x onerror="window.pwned=1">'
  await ann.at('open-new-room').click()
  await ann.at('new-room-name').fill(name)
  await ann.at('new-room-topic').fill(topic)
  await ann.at('new-room-create').click()
  await ann.at('room-topic').getByText(topic).waitFor()
  await ben.at('open-browse').click()
  await ben.at('browse-room').filter({ hasText: name }).getByRole('button').click()
  await ben.at('room-topic').getByText(topic).waitFor()
  for (const person of [ann, ben]) {
    assert.equal((await person.page.locator('h1').textContent()).replace(/^#/, ''), name)
    assert.equal(await person.page.locator('img, a[href^="javascript:"]').count(), 0)
    await person.room('lobby').click()
    await person.sees(attacks[0])
  }
  for (const person of [ann, ben]) {
    assert.equal(await person.at('message-author').first().textContent().then((t) => t.trim()), name)
    assert.equal(await person.at('log').locator('img, script, iframe, svg[onload], b').count(), 0)
    assert.equal(await person.at('people').locator('img').count(), 0)
    assert.equal(await person.page.locator('a[href^="javascript:"]').count(), 0)
    assert.equal(await person.page.evaluate(() => window.pwned), undefined)
    await person.page.reload()
    await person.online()
    await person.sees(attacks[0])
    assert.equal(await person.page.evaluate(() => window.pwned), undefined)
    await person.leave()
  }
  const policy = (await fetch(server.url)).headers.get('content-security-policy')
  assert.match(policy ?? '', /default-src 'none'/)
  assert.doesNotMatch(policy, /unsafe-eval|script-src[^;]*unsafe-inline/)
})

test('the session survives a reload and is the same in a second tab', async () => {
  const server = await open()
  const ann = await Person.enter(browser, server.url, 'Ann')
  await ann.say('before the reload')
  await ann.page.reload()
  await ann.online()
  assert.equal(await ann.at('name-input').count(), 0, 'nobody is asked for their name twice')
  await ann.sees('before the reload')
  const tab = await ann.tab(server.url)
  await tab.online()
  await tab.say('from the other tab')
  await ann.say('from the first tab')
  await tab.sees('from the first tab')
  await assertSame([ann, tab], ['before the reload', 'from the other tab', 'from the first tab'])
  const ben = await Person.enter(browser, server.url, 'Ben')
  await ben.at('people').getByText('Ann', { exact: true }).waitFor()
  assert.equal(await ben.at('people').getByText('Ann').count(), 1, 'two tabs are one person')
  assert.deepEqual(tab.faults, [])
  await ann.leave()
  await ben.leave()
})

test('a line that was not sent survives a reload', async () => {
  const server = await open()
  const ann = await Person.enter(browser, server.url, 'Ann')
  await server.stall()
  await ann.write('kept for later')
  await ann.line('kept for later').waitFor()
  await server.restore()
  await ann.page.reload()
  await ann.online()
  await ann.sent('kept for later')
  await assertSame([ann], ['kept for later'])
  await ann.leave()
})

test('rooms keep their conversations apart', async () => {
  const server = await open()
  const ann = await Person.enter(browser, server.url, 'Ann')
  const ben = await Person.enter(browser, server.url, 'Ben')
  await ann.at('room-input').fill('kitchen')
  await ann.at('room-input').press('Enter')
  await ann.page.locator('[data-testid=room][data-room=kitchen]').waitFor()
  await ann.say('only in the kitchen')
  await ben.say('only in the lobby')
  await assertSame([ben], ['only in the lobby'])
  await ann.page.locator('[data-testid=room][data-room=lobby]').click()
  await ann.sees('only in the lobby')
  await assertSame([ann], ['only in the lobby'])
  await ann.page.locator('[data-testid=room][data-room=kitchen]').click()
  await ann.sees('only in the kitchen')
  await assertSame([ann], ['only in the kitchen'])
  await ann.leave()
  await ben.leave()
})

test('the page fits wide and narrow screens, light and dark', async () => {
  const server = await open()
  await fill(server.url, 'Grace', 'lobby', [
    'Good morning! Did the night build pass?',
    'It did. Here is a word that does not break: ' + 'a'.repeat(300),
    'And a line that is long enough to be wrapped at least once on any screen that somebody would hold in one hand.',
  ])
  for (const colorScheme of ['light', 'dark']) {
    for (const [shape, viewport] of [['wide', { width: 1280, height: 800 }], ['narrow', { width: 390, height: 844 }]]) {
      const person = await Person.open(browser, server.url, { colorScheme, viewport })
      await person.at('name-input').waitFor()
      await person.screenshot(`name-${shape}-${colorScheme}`)
      await person.at('name-input').fill(`${shape} ${colorScheme}`)
      await person.at('enter').click()
      await person.online()
      await person.say(`Hello from a ${shape}, ${colorScheme} screen`)
      await person.screenshot(`chat-${shape}-${colorScheme}`)
      const overflow = await person.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      assert.ok(overflow <= 0, `${shape}: ${overflow} px too wide`)
      await person.leave()
    }
  }
})

test('a line written in the moment the page goes is there after, and said once', async () => {
  const server = await open()
  const ann = await Person.enter(browser, server.url, 'Ann')
  await ann.say('before')
  for (let i = 0; i < 5; i++) {
    await ann.at('composer').fill(`written and gone ${i}`)
    // In one go: neither the network nor the browser's database can have done anything in between.
    await Promise.all([
      ann.page.waitForEvent('load'),
      ann.at('composer').evaluate((field) => {
        field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }))
        location.reload()
      }),
    ])
    await ann.online()
    await ann.sent(`written and gone ${i}`)
  }
  await assertSame([ann], ['before', ...Array.from({ length: 5 }, (_, i) => `written and gone ${i}`)])
  await ann.leave()
})

test('what is unread is counted in every tab, marked where it begins, and read in all at once', async () => {
  const server = await open()
  const ann = await Person.enter(browser, server.url, 'Ann')
  const ben = await Person.enter(browser, server.url, 'Ben')
  await ann.at('room-input').fill('tea')
  await ann.at('room-input').press('Enter')
  await ann.say('Is anybody here?')
  await ann.room('lobby').click()
  const tab = await ann.tab(server.url)
  await tab.room('lobby').click()
  await ben.at('room-input').fill('tea')
  await ben.at('room-input').press('Enter')
  await ben.sees('Is anybody here?')
  await ben.at('day').getByText('Today').waitFor()
  await ben.say('I am')
  await ben.say('@Ann the kettle is on')
  for (const person of [ann, tab]) {
    await person.room('tea').locator('[data-testid=unread][data-mentions="1"]').getByText('2').waitFor()
    await until('the title counts', async () => (await person.page.title()).startsWith('(2)'))
  }
  await ann.room('tea').click()
  await ann.sees('@Ann the kettle is on')
  await until('the divider stands before what is new', async () => {
    const order = await ann.page.locator('[data-testid=new], [data-testid=message]').evaluateAll((all) => all.map((one) => one.dataset.seq ?? 'new'))
    return order.join() === '1,new,2,3'
  })
  await tab.room('tea').getByTestId('unread').waitFor({ state: 'detached' })
  await until('the title counts no more', async () => !(await tab.page.title()).startsWith('('))

  // On another day, in another browser: what was said is of yesterday. Typing is seen, and gone without a word.
  await ann.at('composer').pressSequentially('hm')
  await ben.at('typing').getByText('Ann').waitFor()
  const morrow = await Person.blank(browser)
  await morrow.page.clock.install({ time: Date.now() + 24 * 3600_000 })
  await morrow.page.goto(`${server.url}/#tea`)
  await morrow.at('name-input').fill('Cat')
  await morrow.at('enter').click()
  await morrow.sees('I am')
  await morrow.at('day').getByText('Yesterday').waitFor()
  await ben.at('typing').getByText('Ann').waitFor({ state: 'detached' })
  assert.deepEqual(tab.faults, [])

  // Who has gone is told of among the members, as last seen.
  await ben.at('member').filter({ hasText: 'Cat' }).waitFor()
  await morrow.leave()
  await ben.at('member').filter({ hasText: 'Cat' }).getByTestId('member-seen').getByText('Last seen today').waitFor()
  for (const person of [ann, ben]) await person.leave()
})
