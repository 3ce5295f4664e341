// People in browsers on different nodes talk as if there were one.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Person, assertSame, launch } from '../browser/chat.mjs'

const nodes = process.env.CLUSTER_NODES.trim().split(' ')
const balancer = process.env.CLUSTER_BALANCER

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

test('three people on three nodes, and one behind a balancer, talk', async () => {
  const names = ['Ann', 'Ben', 'Cat', 'Dan']
  const people = await Promise.all(names.map((name, i) => Person.enter(browser, nodes[i] ?? balancer, name)))
  const [ann, ben] = people
  for (const person of people) for (const name of names) await person.at('people').getByText(name).waitFor()

  await ann.at('composer').pressSequentially('hm')
  for (const person of people.slice(1)) await person.at('typing').getByText('Ann').waitFor()
  await ann.at('composer').fill('')

  const said = []
  for (let i = 0; i < 5; i++) {
    said.push(...names.map((name) => `${name} says ${i}`))
    await Promise.all(people.map((person, n) => person.write(`${names[n]} says ${i}`)))
  }
  for (const person of people) for (const text of said) await person.sent(text)
  await assertSame(people, said)

  await ann.leave()
  await ben.at('people').getByText('Ann').waitFor({ state: 'detached' })
  for (const person of people.slice(1)) await person.leave()
})
