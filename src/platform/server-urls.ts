/** URLs that name several hosts of one server: `amqp://user:password@a:5672,b:5672/vhost`. */

/**
 * One URL per host, in the given order; if the text is not a URL, the text itself.
 *
 * Needed because the standard URL class supports only one host. All hosts share user, password, path and query.
 */
export function hostUrls(url: string): string[] {
  const match = /^([a-z][a-z\d+.-]*:\/\/(?:[^/?#]*@)?)([^/?#@]*)(.*)$/is.exec(url);
  if (match === null) return [url];
  const [, before = '', hosts = '', after = ''] = match;
  return hosts.split(',').map((host) => before + host + after);
}
