/** URLs that name several hosts of one server: `amqp://user:password@a:5672,b:5672/vhost`. */

/**
 * One URL for each host, in the given order; of a text that is no URL, the text itself.
 *
 * Separated here because the standard URL knows one host only. User, password, path and query are those of
 * every host.
 */
export function hostUrls(url: string): string[] {
  const match = /^([a-z][a-z\d+.-]*:\/\/(?:[^/?#]*@)?)([^/?#@]*)(.*)$/is.exec(url);
  if (match === null) return [url];
  const [, before = '', hosts = '', after = ''] = match;
  return hosts.split(',').map((host) => before + host + after);
}
