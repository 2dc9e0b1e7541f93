import type { LookupAddress } from 'node:dns';
import { describe, expect, test } from 'vitest';
import { createAddressGuard, type AddressGuardOptions } from '../../src/delivery/address-guard.ts';

const PUBLIC = { allowPrivate: false, allowedRanges: [] };

function guardWith(options: Partial<AddressGuardOptions> = {}) {
  const guard = createAddressGuard({ ...PUBLIC, ...options });
  return {
    check: (url: string) => guard.checkUrl(url),
    isAllowed: (url: string) => guard.checkUrl(url).ok,
    lookup: (hostname: string, family?: number) =>
      new Promise<string[]>((resolve, reject) => {
        const wanted = family === undefined ? {} : { family };
        guard.lookup(hostname, { ...wanted, all: true }, (error, found) => {
          if (error === null) resolve((found as LookupAddress[]).map(({ address }) => address));
          else reject(error);
        });
      }),
    lookupOne: (hostname: string) =>
      new Promise<unknown>((resolve, reject) => {
        guard.lookup(hostname, {}, (error, address, family) => {
          if (error === null) resolve({ address, family });
          else reject(error);
        });
      }),
  };
}

const REFUSED_ADDRESSES = [
  ...['0.0.0.0', '0.1.2.3', '10.0.0.1', '10.255.255.255', '100.64.0.1', '100.127.255.255'],
  ...['127.0.0.1', '127.255.255.254', '169.254.169.254', '172.16.0.1', '172.31.255.255'],
  ...['192.0.0.1', '192.0.2.1', '192.31.196.1', '192.52.193.1', '192.88.99.1', '192.168.1.1'],
  ...[
    '168.63.129.16',
    '::ffff:168.63.129.16',
    '192.175.48.1',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.1',
    '203.0.113.1',
  ],
  ...['224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255'],
  ...['::', '::1', '::2', '::7f00:1', '::8.8.8.8', '::ffff:10.0.0.1', '::ffff:127.0.0.1'],
  ...['::ffff:a9fe:a9fe', '::ffff:0:8.8.8.8', '64:ff9b::8.8.8.8', '64:ff9b::a00:1'],
  ...['64:ff9b:1::1', '64:ff9b:1:ffff::7f00:1', '100::1', '100:0:0:1::1', '200::1', '1fff::1'],
  ...['2001::1', '2001:2::1', '2001:3::1', '2001:4:112::1', '2001:10::1', '2001:20::1'],
  ...['2001:30::1', '2001:db8::1', '2002:7f00:1::1', '2002:808:808::1', '2620:4f:8000::1'],
  ...['3fff::1', '4000::1', '5f00::1', 'fc00::1', 'fd12:3456:789a::1', 'fe80::1', 'fec0::1'],
  ...['ff02::1', 'ff0e::1'],
] as const;
const ALLOWED_ADDRESSES = [
  ...['1.1.1.1', '8.8.8.8', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0'],
  ...['126.255.255.255', '128.0.0.1', '169.253.255.255', '172.15.255.255', '172.32.0.0'],
  ...['192.167.255.255', '192.169.0.0', '198.17.255.255', '198.20.0.0', '223.255.255.255'],
  ...['2001:200::1', '2001:4860:4860::8888', '2606:4700:4700::1111', '2a00:1450::1'],
  ...['::ffff:8.8.8.8'],
] as const;

const inUrl = (address: string) => (address.includes(':') ? `[${address}]` : address);

describe('a literal address', () => {
  test.each(REFUSED_ADDRESSES)(
    '%s is refused in a URL and in an answer of a resolver',
    async (address) => {
      const { isAllowed, lookup } = guardWith({ resolve: () => Promise.resolve([address]) });
      expect(isAllowed(`https://${inUrl(address)}/hook`)).toBe(false);
      await expect(lookup('hooks.example.com')).rejects.toMatchObject({
        code: 'PULSE_DELIVERY_ADDRESS_REFUSED',
      });
    },
  );

  test.each(ALLOWED_ADDRESSES)('%s is allowed', async (address) => {
    const { isAllowed, lookup } = guardWith({ resolve: () => Promise.resolve([address]) });
    expect(isAllowed(`https://${inUrl(address)}/hook`)).toBe(true);
    expect(await lookup('hooks.example.com')).toEqual([address]);
  });

  test.each([
    ...['2130706433', '017700000001', '0x7f000001', '0X7F.1', '127.1', '127.0.1', '0177.0.0.1'],
    ...['0x7f.0.0.1', '127.0.0.1.', '0', '0.', '00', '0x0', '4294967295', '0xa9fea9fe'],
    ...['2852039166', '0251.0376.0251.0376', '169.254.43518', '3232235777', '%31%32%37.0.0.1'],
    ...['127.0.0.%31', '127%2e0%2e0%2e1', '127。0。0。1', '１２７.０.０.１', '①②⑦.0.0.1'],
    ...['[0:0:0:0:0:0:0:1]', '[::ffff:127.0.0.1]', '[::FFFF:7F00:1]', '[0:0::ffff:0x7f.1]'],
    ...['[fe80::1%25eth0]', '[fe80::1%eth0]', '[2606:4700::1%251]', '[::1].', '[::127.0.0.1]'],
    ...['localhost', 'LOCALHOST', 'localhost.', 'a.localhost', 'a.b.localhost.', 'loc%61lhost'],
    ...['ｌｏｃａｌｈｏｓｔ', '256.0.0.1', '1.2.3.4.5', '0x', '08', '999999999999'],
  ])('%s is refused however it is spelled', (host) => {
    expect(guardWith().isAllowed(`http://${host}/`)).toBe(false);
  });

  test('a resolver that answers something else is refused', async () => {
    for (const answer of ['', '127.1', '0x7f000001', 'fe80::1%eth0', '2606:4700::1%1', 'a.b']) {
      const { lookup } = guardWith({ resolve: () => Promise.resolve([answer]) });
      await expect(lookup('hooks.example.com'), answer).rejects.toMatchObject({
        code: 'PULSE_DELIVERY_ADDRESS_REFUSED',
      });
    }
  });
});

describe('a URL', () => {
  test.each([
    'https://hooks.example.com',
    'http://hooks.example.com/in?tenant=1&x=%20',
    'https://hooks.example.com:443/',
    'https://hooks.example.com:80/',
    'https://hooks.example.com:1024/',
    'https://hooks.example.com:65535/',
    'HTTPS://Hooks.Example.com/',
    'https://bücher.example/',
    'https://xn--bcher-kva.example/',
    'https://a_b.example.com/',
    `https://hooks.example.com/${'a'.repeat(2_048 - 26)}`,
  ])('%s is allowed', (url) => {
    expect(guardWith().check(url)).toMatchObject({ ok: true, url: new URL(url) });
  });

  test.each([
    ['another scheme', 'ftp://hooks.example.com/', 'https:// or http://'],
    ['a file', 'file:///etc/passwd', 'https:// or http://'],
    ['no scheme', 'hooks.example.com/in', 'https:// or http://'],
    ['no slashes', 'https:hooks.example.com', 'https:// or http://'],
    ['one slash', 'https:/hooks.example.com', 'https:// or http://'],
    ['three slashes', 'https:///hooks.example.com', 'https:// or http://'],
    ['backslashes', 'https:\\\\hooks.example.com', 'https:// or http://'],
    ['a backslash later', 'https://a.example\\@127.0.0.1/', 'https:// or http://'],
    ['no host', 'https://', 'https:// or http://'],
    ['only a port', 'https://:8080/', 'https:// or http://'],
    ['a space before it', ' https://hooks.example.com/', 'https:// or http://'],
    ['a line break', 'https://hooks.exam\nple.com/', 'https:// or http://'],
    ['an invisible character', 'https://hooks.exam\u00adple.com/', 'https:// or http://'],
    ['a port that is none', 'https://hooks.example.com:65536/', 'https:// or http://'],
    ['credentials', 'https://user:password@hooks.example.com/', 'user name or a password'],
    ['a user name', 'https://user@hooks.example.com/', 'user name or a password'],
    ['a password', 'https://:password@hooks.example.com/', 'user name or a password'],
    ['a fragment', 'https://hooks.example.com/#part', 'fragment'],
    ['an empty fragment', 'https://hooks.example.com/#', 'fragment'],
    ['2,049 characters', `https://hooks.example.com/${'a'.repeat(2_049 - 26)}`, '2048 characters'],
    ['2,049 when escaped', `https://hooks.example.com/${'ü'.repeat(1_000)}`, '2048 characters'],
    ['the port of SSH', 'https://hooks.example.com:22/', 'Port 22 is not allowed'],
    ['the port of SMTP', 'http://hooks.example.com:25/', 'Port 25 is not allowed'],
    ['port 1023', 'http://hooks.example.com:1023/', 'Port 1023 is not allowed'],
    ['port 0', 'http://hooks.example.com:0/', 'Port 0 is not allowed'],
    ['an empty label', 'http://hooks..example.com/', 'not a name'],
    ['two dots at the end', 'http://hooks.example.com../', 'not a name'],
    ['a private address', 'http://10.0.0.1/', '10.0.0.1 is not a public address'],
  ])('%s is refused, with a sentence that says why', (_what, url, detail) => {
    expect(guardWith().check(url)).toEqual({
      ok: false,
      detail: expect.stringContaining(detail) as string,
    });
  });

  test('what is connected to is what was checked: the host is normalised', () => {
    expect(guardWith().check('https://Hooks.EXAMPLE.com./in')).toMatchObject({
      url: new URL('https://hooks.example.com/in'),
    });
    expect(guardWith().check('http://134744072/')).toMatchObject({
      url: new URL('http://8.8.8.8'),
    });
  });
});

describe('allowPrivate', () => {
  const { isAllowed, check } = guardWith({ allowPrivate: true });

  test('allows private, loopback and link-local addresses, and every port but 0', () => {
    for (const host of [
      ...['10.0.0.1', '172.16.0.1', '192.168.1.1', '127.0.0.1', '169.254.1.1', 'localhost'],
      ...['[::1]', '[fd00::1]', '[fe80::1]', '[::ffff:10.0.0.1]', '8.8.8.8', 'a.localhost'],
    ]) {
      expect(isAllowed(`http://${host}:22/`), host).toBe(true);
    }
    expect(isAllowed('http://127.0.0.1:0/')).toBe(false);
  });

  test('allows nothing else', () => {
    for (const host of [
      ...['0.0.0.0', '100.64.0.1', '192.0.2.1', '224.0.0.1', '240.0.0.1', '255.255.255.255'],
      ...['[::]', '[ff02::1]', '[64:ff9b::a00:1]', '[2002:7f00:1::1]', '[::127.0.0.1]'],
    ]) {
      expect(isAllowed(`http://${host}/`), host).toBe(false);
    }
    expect(check('http://user@127.0.0.1/').ok).toBe(false);
  });
});

describe('allowedRanges', () => {
  const { isAllowed, lookup } = guardWith({
    allowedRanges: ['10.1.0.0/16', '192.0.2.7', 'fd00:1::/32', '::1', '127.0.0.0/8'],
    resolve: (hostname) => Promise.resolve(hostname.split('-and-')),
  });

  test('take precedence over the refused ranges, and only they', () => {
    for (const host of ['10.1.2.3', '192.0.2.7', '[fd00:1::2]', '[::ffff:10.1.2.3]', 'localhost']) {
      expect(isAllowed(`http://${host}/`), host).toBe(true);
    }
    for (const host of ['10.2.0.1', '192.0.2.8', '[fd00:2::1]', '[::ffff:10.2.0.1]', '[::2]']) {
      expect(isAllowed(`http://${host}/`), host).toBe(false);
    }
    expect(isAllowed('http://10.1.2.3:22/')).toBe(false);
  });

  test('count for what a name resolves to', async () => {
    expect(await lookup('10.1.0.1-and-8.8.8.8')).toEqual(['10.1.0.1', '8.8.8.8']);
    await expect(lookup('10.1.0.1-and-10.2.0.1')).rejects.toMatchObject({
      code: 'PULSE_DELIVERY_ADDRESS_REFUSED',
    });
  });

  test('a range that is none is refused at once', () => {
    expect(() => guardWith({ allowedRanges: ['10.0.0.0/33'] })).toThrow();
  });
});

describe('lookup', () => {
  test('refuses the whole answer if any address is refused', async () => {
    for (const addresses of [
      ['8.8.8.8', '10.0.0.1'],
      ['10.0.0.1', '8.8.8.8'],
      ['8.8.8.8', '2606:4700::1', '::1'],
    ]) {
      const { lookup } = guardWith({ resolve: () => Promise.resolve(addresses) });
      await expect(lookup('hooks.example.com')).rejects.toMatchObject({
        code: 'PULSE_DELIVERY_ADDRESS_REFUSED',
        retryable: false,
      });
      await expect(lookup('hooks.example.com', 4), 'only IPv4 wanted').rejects.toThrow();
    }
  });

  test('resolves once, and answers exactly what it has checked', async () => {
    const answers = [['8.8.8.8', '2606:4700::1'], ['127.0.0.1']];
    const { lookup } = guardWith({ resolve: () => Promise.resolve(answers.shift() ?? []) });
    expect(await lookup('rebinding.example.com')).toEqual(['8.8.8.8', '2606:4700::1']);
    await expect(lookup('rebinding.example.com')).rejects.toThrow('may not reach');
  });

  test('answers one address, or one family, on request', async () => {
    const { lookup, lookupOne } = guardWith({
      resolve: () => Promise.resolve(['2606:4700::1', '8.8.8.8']),
    });
    expect(await lookupOne('hooks.example.com')).toEqual({ address: '2606:4700::1', family: 6 });
    expect(await lookup('hooks.example.com', 4)).toEqual(['8.8.8.8']);
    expect(await lookup('hooks.example.com', 6)).toEqual(['2606:4700::1']);
    expect(await lookup('hooks.example.com', 0)).toHaveLength(2);
  });

  test('a name without an address, and a resolver that fails, are errors', async () => {
    const { lookup } = guardWith({ resolve: () => Promise.resolve([]) });
    await expect(lookup('hooks.example.com')).rejects.toMatchObject({
      code: 'PULSE_DELIVERY_HOST_UNRESOLVED',
      retryable: true,
    });
    const failing = guardWith({ resolve: () => Promise.reject(new Error('no server')) });
    await expect(failing.lookup('hooks.example.com')).rejects.toThrow('no server');
  });

  test('no resolver is asked for the names of this machine', async () => {
    const resolve = () => Promise.resolve(['8.8.8.8']);
    for (const name of ['localhost', 'LOCALHOST.', 'api.localhost']) {
      await expect(guardWith({ resolve }).lookup(name)).rejects.toThrow('may not reach');
      expect(await guardWith({ resolve, allowPrivate: true }).lookup(name)).toEqual([
        '127.0.0.1',
        '::1',
      ]);
    }
  });
});
