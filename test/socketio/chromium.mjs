// The conversation in Chromium, by the bundle for browsers of the client that each task on the standard input names.
import { text } from 'node:stream/consumers'
import { launch } from '../browser/chat.mjs'

const browser = await launch()
try {
  for (const task of JSON.parse(await text(process.stdin))) {
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(task.url)
    await page.addScriptTag({ url: `/${task.module}.js` })
    try {
      await page.evaluate(async (task) => {
        const { converse } = await import('/conversation.mjs')
        await converse(globalThis.io, task)
      }, task)
    } catch (cause) {
      throw new Error(`${task.module} ${task.transports}`, { cause })
    }
    await context.close()
  }
} finally {
  await browser.close()
}
