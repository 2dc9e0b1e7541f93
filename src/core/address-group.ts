/** Groups client addresses that belong to one host. */

/**
 * The group under which what comes from an address is counted: an IPv4 address itself, or the first 64 bits of an IPv6
 * address, because a host that has one address of such a network has all of them.
 *
 * @param address Undefined: the connection has ended, and nobody knows it any more. All of those are one group.
 */
export function addressGroup(address: string | undefined): string {
  return groupOf(address, 4);
}

/**
 * The same with the first 48 bits of an IPv6 address, which one customer of a provider may have to himself: with them
 * come 65,536 groups.
 */
export function addressNetwork(address: string): string {
  return groupOf(address, 3);
}

/** @param wordCount 16 bits each, of IPv6. */
function groupOf(address: string | undefined, wordCount: number): string {
  if (address === undefined) return 'ended';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(':')) return address;
  const [plain = ''] = address.split('%', 1);
  const [head = '', tail] = plain.split('::');
  const groups = wordsOf(head);
  const missing = tail === undefined ? 0 : 8 - groups.length - wordsOf(tail).length;
  groups.push(...Array<string>(Math.max(0, missing)).fill('0'), ...wordsOf(tail ?? ''));
  const network = groups
    .slice(0, wordCount)
    .map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(':')}::/${wordCount * 16}`;
}

function wordsOf(text: string): string[] {
  return text === '' ? [] : text.split(':');
}
