// What the server and the client on npm's ws have in common.

/** The option perMessageDeflate for a mode. */
export function deflateOptions(mode) {
  if (!mode.deflate) return false
  const options = { threshold: 0 }
  if (!mode.takeover) options.serverNoContextTakeover = options.clientNoContextTakeover = true
  if (mode.bits) options.serverMaxWindowBits = options.clientMaxWindowBits = mode.bits
  return options
}

/** Sends text in fragments of size bytes. */
export function chops(socket, text, size) {
  const bytes = Buffer.from(text)
  for (let i = 0; i < bytes.length; i += size) {
    socket.send(bytes.subarray(i, i + size), { binary: false, fin: i + size >= bytes.length })
  }
}
