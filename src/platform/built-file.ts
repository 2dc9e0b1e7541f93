/** Finds compiled files, for code that starts threads and processes from them. */

/**
 * The URL of the compiled file `path`, relative to the calling module.
 *
 * Node.js cannot start a thread or a process from a TypeScript file, and tests run the sources. A caller under
 * `src/` therefore gets the matching file under `dist/`, which the build creates.
 *
 * @param importMetaUrl The caller's `import.meta.url`.
 * @param path Relative, ending in `.js`, such as `./guardian.js`.
 */
export function builtFileUrl(importMetaUrl: string, path: string): URL {
  const url = new URL(path, importMetaUrl);
  if (!new URL(importMetaUrl).pathname.endsWith('.ts')) return url;
  const at = url.pathname.lastIndexOf('/src/');
  url.pathname = `${url.pathname.slice(0, at)}/dist/${url.pathname.slice(at + '/src/'.length)}`;
  return url;
}
