// As much of OpenID Connect as signing in needs: who comes to it is signed in as subject 42, unless it refuses.
import { createHash, createSign, generateKeyPairSync, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'

const base64url = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** Starts a provider, whose `name` people have; `refuses` makes it send them back without. */
export async function startProvider(name) {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const visits = new Map()
  const provider = { url: '', refuses: false, close: () => server.close() }

  const token = (nonce) => {
    const now = Math.floor(Date.now() / 1000)
    const claims = { iss: provider.url, sub: '42', aud: 'parley', nonce, name, iat: now, exp: now + 3600 }
    const signed = `${base64url({ alg: 'RS256', kid: 'k' })}.${base64url(claims)}`
    return `${signed}.${createSign('RSA-SHA256').update(signed).sign(privateKey, 'base64url')}`
  }

  const answers = {
    'GET /.well-known/openid-configuration': () => ({
      issuer: provider.url,
      authorization_endpoint: `${provider.url}/authorize`,
      token_endpoint: `${provider.url}/token`,
      jwks_uri: `${provider.url}/keys`,
      id_token_signing_alg_values_supported: ['RS256'],
    }),
    'GET /keys': () => ({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'RS256', use: 'sig' }] }),
    'POST /token': (fields) => {
      const visit = visits.get(fields.get('code'))
      visits.delete(fields.get('code'))
      const challenge = createHash('sha256').update(fields.get('code_verifier') ?? '').digest('base64url')
      if (visit?.get('code_challenge') !== challenge) return undefined
      return { access_token: 'x', token_type: 'Bearer', id_token: token(visit.get('nonce')) }
    },
  }

  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, provider.url)
    if (pathname === '/authorize') {
      const back = new URL(searchParams.get('redirect_uri'))
      back.searchParams.set('state', searchParams.get('state'))
      if (provider.refuses) back.searchParams.set('error', 'access_denied')
      else {
        const code = randomUUID()
        visits.set(code, searchParams)
        back.searchParams.set('code', code)
      }
      response.writeHead(302, { Location: back.href }).end()
      return
    }
    let body = ''
    for await (const piece of request) body += piece
    const answer = answers[`${request.method} ${pathname}`]?.(new URLSearchParams(body))
    response.writeHead(answer ? 200 : 400, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer ?? { error: 'invalid_grant' }))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  provider.url = `http://127.0.0.1:${server.address().port}`
  return provider
}
