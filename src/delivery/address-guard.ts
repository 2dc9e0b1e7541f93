/**
 * Decides where webhooks may go: only to public addresses, unless the operator allows others.
 *
 * A URL is checked when an endpoint is created and before each attempt. A name is checked again when it is
 * resolved for a connection, which then goes to exactly the addresses that were checked: a name that
 * changes its answer in between (DNS rebinding) gains nothing.
 */
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { RejectedError, toError } from '../core/errors.ts';
import { createHostResolver, unresolved, type ResolveHost } from './host-addresses.ts';

export type UrlCheck =
  { readonly ok: true; readonly url: URL } | { readonly ok: false; readonly detail: string };

export interface AddressGuard {
  /** Checks everything that can be known without resolving the name. The detail is a sentence for the client. */
  checkUrl(url: string): UrlCheck;
  /** Resolves a name for a connection. Fails if any of its addresses is refused. */
  readonly lookup: LookupFunction;
}

export interface AddressGuardOptions {
  /** Allows private, loopback and link-local addresses, and every port. For tests and development. */
  readonly allowPrivate: boolean;
  /** Addresses and CIDR ranges that are always allowed. */
  readonly allowedRanges: readonly string[];
  readonly resolve?: ResolveHost | undefined;
}

type Address = ipaddr.IPv4 | ipaddr.IPv6;

const URL_LENGTH_MAX = 2_048;
const PORTS_BELOW_1024 = new Set([80, 443]);
const PRIVATE_RANGES = new Set<string>(['private', 'uniqueLocal', 'loopback', 'linkLocal']);
/** What IANA has assigned to the public Internet. The library calls everything that it has no name for `unicast`. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');
/** Of Azure: it answers each machine, at an address of a public range. */
const HOST_SERVICE = '168.63.129.16';
const LOOPBACK_ADDRESSES = ['127.0.0.1', '::1'] as const;

export function createAddressGuard({
  allowPrivate,
  allowedRanges,
  resolve = createHostResolver({ systemNames: allowPrivate || allowedRanges.length > 0 }),
}: AddressGuardOptions): AddressGuard {
  const ranges = allowedRanges.map(parseRange);

  const isRefused = (text: string): boolean => {
    const address = parseAddress(text);
    if (address === undefined) return true;
    if (ranges.some(([network, bits]) => isWithin(address, network, bits))) return false;
    return !isPublic(address) && !(allowPrivate && PRIVATE_RANGES.has(address.range()));
  };

  const addressesOf = async (hostname: string): Promise<readonly string[]> => {
    const addresses = knownAddresses(hostname) ?? (await resolve(hostname));
    if (addresses.length === 0) throw unresolved(hostname);
    if (addresses.some(isRefused)) {
      throw new RejectedError(
        'PULSE_DELIVERY_ADDRESS_REFUSED',
        `The host ${hostname} has an address that webhooks may not reach.`,
      );
    }
    return addresses;
  };

  return {
    checkUrl(text) {
      const checked = parseUrl(text);
      if (!checked.ok) return checked;
      const { url } = checked;
      if (!isPortAllowed(url, allowPrivate)) {
        return refused(`Port ${url.port} is not allowed: use 80, 443, or 1024 to 65535.`);
      }
      if (knownAddresses(url.hostname)?.some(isRefused) === true) {
        return refused(
          `${url.hostname} is not a public address. Whoever runs Pulse can allow it with WEBHOOK_ALLOWED_RANGES.`,
        );
      }
      return checked;
    },
    lookup(hostname, options, callback) {
      void addressesOf(hostname).then(
        (addresses) => {
          const found = addresses
            .map((address) => ({ address, family: isIP(address) }))
            .filter(({ family }) => isWanted(family, options.family));
          const [first] = found;
          if (first === undefined) callback(unresolved(hostname), '');
          else if (options.all === true) callback(null, found);
          else callback(null, first.address, first.family);
        },
        (error: unknown) => {
          callback(toError(error), '');
        },
      );
    },
  };
}

function parseUrl(text: string): UrlCheck {
  // The parser drops tabs and line breaks and repairs slashes; other programs would read another URL.
  if (!/^https?:\/\/[^/\\]/i.test(text) || /[\s\p{C}\\]/u.test(text) || !URL.canParse(text)) {
    return refused('The URL must begin with https:// or http:// and name a host.');
  }
  const url = new URL(text);
  if (Math.max(text.length, url.href.length) > URL_LENGTH_MAX) {
    return refused(`The URL must have at most ${URL_LENGTH_MAX} characters.`);
  }
  if (url.username !== '' || url.password !== '') {
    return refused('The URL must not contain a user name or a password.');
  }
  if (text.includes('#')) return refused('The URL must not contain a fragment (#).');
  // `example.com.` is the same host, but certificates do not name it so.
  url.hostname = url.hostname.replace(/\.$/, '');
  if (url.hostname.split('.').includes('')) return refused('The host of the URL is not a name.');
  return { ok: true, url };
}

function refused(detail: string): UrlCheck {
  return { ok: false, detail };
}

function isPortAllowed({ port, protocol }: URL, allowPrivate: boolean): boolean {
  const number = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
  if (number === 0) return false;
  return allowPrivate || number >= 1024 || PORTS_BELOW_1024.has(number);
}

/** The addresses of a literal, and of the names of this machine, which no resolver may redefine (RFC 6761). */
function knownAddresses(hostname: string): readonly string[] | undefined {
  const literal = hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(literal) !== 0) return [literal];
  return /(^|\.)localhost\.?$/i.test(hostname) ? LOOPBACK_ADDRESSES : undefined;
}

/** Undefined for what is not an address, or has a zone, which selects an interface of this machine. */
function parseAddress(text: string): Address | undefined {
  const family = isIP(text);
  // The library also accepts spellings such as 0177.1, which `isIP` does not.
  if (family === 0 || text.includes('%')) return undefined;
  // The library takes ::8.8.8.8 for the IPv4-mapped ::ffff:8.8.8.8; hexadecimal digits leave no doubt.
  return ipaddr.process(family === 6 ? new URL(`http://[${text}]`).hostname.slice(1, -1) : text);
}

function parseRange(text: string): [Address, number] {
  if (text.includes('/')) return ipaddr.parseCIDR(text);
  const address = parseAddress(text) ?? ipaddr.process(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

function isWithin(address: Address, network: Address, bits: number): boolean {
  return address.kind() === network.kind() && address.match(network, bits);
}

function isPublic(address: Address): boolean {
  if (address.toString() === HOST_SERVICE) return false;
  if (address.range() !== 'unicast') return false;
  return address.kind() === 'ipv4' || address.match(...GLOBAL_UNICAST);
}

function isWanted(family: number, wanted: number | string | undefined): boolean {
  return wanted === undefined || wanted === 0 || wanted === family || wanted === `IPv${family}`;
}
