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
 * that the first admin comes in by; with guests, a name is enough all the same.
 * oidc is the address of a provider to sign in with, and jwt a file with a key
 * whose tokens are believed. gate puts a web proxy in front, at the url it
 * answers with, or changes what it does with upgrades: pass, hang, swallow or
 * a status; seen tells what came to it.
 */
export async function open({ rates = 'none', accounts = false, guests = false, oidc = '', jwt = '' } = {}) {
  const wanted = new URLSearchParams({ rates, accounts: accounts ? '1' : '', guests: guests ? '1' : '', oidc, jwt })
  const { id, url, direct, setup } = await post(`/servers?${wanted}`)
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
    gate: (upgrades) => post(`/servers/${id}/gate?${new URLSearchParams({ upgrades })}`),
    seen: act('seen'),
  }
}
