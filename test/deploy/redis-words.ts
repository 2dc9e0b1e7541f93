/** Splits the shell command that starts Redis into words. `''` is an empty word. */
export function redisWords(script = ''): string[] {
  const [, words = ''] = /exec redis-server - (.*?) <<CONFIG$/ms.exec(script) ?? [];
  return words.split(/[\s\\]+/).map((word) => (word === "''" ? '' : word));
}
