// Tells whether dist, which is committed so that running Parley needs Go alone, is what the source builds today.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = fileURLToPath(new URL('..', import.meta.url));

/** @param {string} folder */
async function contents(folder) {
  /** @type {Map<string, Buffer>} */
  const files = new Map();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(path.slice(folder.length + 1).replaceAll('\\', '/'), await readFile(path));
  }
  return files;
}

const temporary = await mkdtemp(join(tmpdir(), 'parley-dist-'));
try {
  await build({ root, logLevel: 'warn', build: { outDir: temporary, emptyOutDir: true } });
  const [fresh, committed] = [await contents(temporary), await contents(join(root, 'dist'))];
  const stale = [...new Set([...fresh.keys(), ...committed.keys()])]
    .filter((name) => !fresh.get(name)?.equals(committed.get(name) ?? Buffer.alloc(0)))
    .sort();
  if (stale.length > 0) {
    console.error(`web/dist is stale. Run "npm run build" in web and commit the result. Different:\n  ${stale.join('\n  ')}`);
    process.exitCode = 1;
  } else {
    console.log(`web/dist is what the source builds (${fresh.size} files).`);
  }
} finally {
  await rm(temporary, { recursive: true, force: true });
}
