// What every state of the page is held against.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Light and dark: no serious violation, nothing wider than the screen, and a picture of it. */
export async function inspect(person, name) {
  for (const colorScheme of ['light', 'dark']) {
    await person.page.emulateMedia({ colorScheme })
    await inspectOne(person, `${name}-${colorScheme}`)
  }
}

async function inspectOne(person, name) {
  await person.page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {}))))
  await person.screenshot(name)
  await person.page.evaluate(axe)
  const { overflow, serious } = await person.page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ['violations'] })
    return {
      overflow: document.documentElement.scrollWidth - innerWidth,
      serious: violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html, failureSummary }) => `${html.slice(0, 200)} ${failureSummary}`).join(' | ')}`),
    }
  })
  assert.deepEqual(serious, [], name)
  assert.ok(overflow <= 0, `${name}: ${overflow} px too wide`)
}
