// The HTTP API of docs/api.md as a page sees it, answered within the browser: for what is on the screen when there are
// accounts, roles and results. What the server itself answers is tested where the server is.

const people = [
  { id: 'p-grace', name: 'Grace Hopper', role: 'admin', seen: '2026-11-20T09:00:00.000Z', online: true },
  { id: 'p-alan', name: 'Alan Turing', seen: '2026-11-19T17:30:00.000Z', online: false },
  { id: 'p-lin', name: '林小雨', role: 'guest', seen: '2026-11-20T08:12:00.000Z', online: true },
]
const rooms = [
  { id: 'lobby', name: 'lobby', kind: 'public', last: 3, members: 4, member: true },
  { id: 'design', name: 'design', kind: 'public', topic: 'Where the look of things is decided', last: 120, members: 2, member: false },
]

/**
 * Answers a person's calls of the API. `config` is what GET /api/config says; `calls` collects what the page asked.
 */
export async function fakeApi(context, { config, results = [] } = {}) {
  const calls = []
  const members = new Map(people.slice(0, 2).map((person) => [person.id, person]))
  const invites = [{ id: 'i1', by: people[0], uses: 1, expires: '2026-11-27T09:00:00.000Z' }]
  const answers = {
    'GET config': () => config ?? { guests: true, accounts: false, setup: false },
    'GET people': ({ q = '' }) => ({ people: people.filter(({ name }) => name.toLowerCase().split(' ').some((word) => word.startsWith(q.toLowerCase()))) }),
    'GET rooms': ({ q = '' }) => ({ rooms: rooms.filter(({ name }) => name.startsWith(q)) }),
    'POST rooms': ({ name, kind, topic }) => ({ id: name.toLowerCase(), name, kind, topic, last: 0 }),
    'PATCH rooms/*': ({ id, ...change }) => ({ id, name: id, kind: 'public', last: 0, ...change }),
    'GET rooms/*/members': () => ({ members: [...members.values()], more: false }),
    'PUT rooms/*/members/*': ({ other, role }) => {
      members.set(other, { ...people.find(({ id }) => id === other), role })
      return {}
    },
    'DELETE rooms/*/members/*': ({ other }) => {
      members.delete(other)
      return {}
    },
    'GET search': () => ({ messages: results }),
    'GET invites': () => ({ invites }),
    'POST invites': ({ uses }) => {
      invites.push({ id: 'i2', uses, expires: '2026-11-27T09:00:00.000Z' })
      return { id: 'i2', uses, link: 'http://localhost/#invite=s3cret', expires: '2026-11-27T09:00:00.000Z' }
    },
    'POST people/*/reset': () => ({ link: 'http://localhost/#reset=s3cret', expires: '2026-11-21T09:00:00.000Z' }),
    'POST ticket': ({ ticket }) => (ticket === 'good' ? { kind: 'invite', by: people[0], expires: '2026-11-27T09:00:00.000Z' } : undefined),
    'POST signin': () => undefined,
  }
  await context.route('**/api/**', async (route) => {
    const request = route.request()
    const url = new URL(request.url())
    const [, , ...path] = url.pathname.split('/')
    const [word, id, rest, other] = path
    const pattern = [word, id && '*', rest, other && '*'].filter(Boolean).join('/').replace('me/*', 'me/password')
    const fields = { id, other, ...Object.fromEntries(url.searchParams), ...(request.postDataJSON() ?? {}) }
    calls.push(`${request.method()} ${url.pathname.slice(5)}`)
    const answer = answers[`${request.method()} ${pattern}`]?.(fields)
    await route.fulfill(
      answer === undefined
        ? { status: 401, json: { code: 'unauthorized', message: 'The name and the password do not belong together.' } }
        : { json: answer },
    )
  })
  return calls
}
