// What a script does to the servers that the Go test beside it runs for it.

async function post(path) {
  const response = await fetch(process.env.PARLEY_CONTROL + path, { method: 'POST' })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return response.json()
}

/**
 * Starts a server behind a proxy. Its url stays the same when it is killed and
 * started again, and cut, stall and restore break and heal the way to it; direct
 * goes around the proxy. There is no limit to how fast one may publish, unless
 * rates is 'default'. With accounts, people sign in there, and setup is the link
 * that the first admin comes in by.
 */
export async function open({ rates = 'none', accounts = false } = {}) {
  const { id, url, direct, setup } = await post(`/servers?rates=${rates}&accounts=${accounts ? 1 : ''}`)
  const act = (what) => () => post(`/servers/${id}/${what}`)
  return {
    url,
    direct,
    setup,
    kill: act('kill'),
    stop: act('stop'),
    start: act('start'),
    wipe: act('wipe'),
    cut: act('cut'),
    stall: act('stall'),
    restore: act('restore'),
  }
}
