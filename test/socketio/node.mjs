// The conversation in Node, by the client that the task on the standard input names.
import { text } from 'node:stream/consumers'
import { converse } from './conversation.mjs'

for (const task of JSON.parse(await text(process.stdin))) {
  const { io } = await import(task.module)
  await converse(io, task)
}
process.exit(0) // whatever is still open
