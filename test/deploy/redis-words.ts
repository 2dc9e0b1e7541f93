/** The words of the shell command that starts Redis. An empty word in quotes is an empty text. */
export function redisWords(script = ''): string[] {
  const [, words = ''] = /exec redis-server - (.*?) <<CONFIG$/ms.exec(script) ?? [];
  return words.split(/[\s\\]+/).map((word) => (word === "''" ? '' : word));
}
