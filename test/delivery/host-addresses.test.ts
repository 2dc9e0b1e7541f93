import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { createHostResolver } from '../../src/delivery/host-addresses.ts';

const TYPE_A = 1;
const TYPE_AAAA = 28;
const NAME_UNKNOWN = 3;
const V4 = [192, 0, 2, 1];
const V6 = [0x20, 0x01, 0x0d, 0xb8, ...Array<number>(11).fill(0), 1];

test('a host has the addresses of both families', async () => {
  const servers = await startDns({ [TYPE_A]: [V4, [192, 0, 2, 2]], [TYPE_AAAA]: [V6] });
  const resolve = createHostResolver({ systemNames: false, servers });
  expect(await resolve('hooks.example.com')).toEqual(['192.0.2.1', '192.0.2.2', '2001:db8::1']);
});

test('one family is enough', async () => {
  const onlyV4 = await startDns({ [TYPE_A]: [V4], [TYPE_AAAA]: [] });
  const onlyV6 = await startDns({ [TYPE_AAAA]: [V6] });
  const resolveV4 = createHostResolver({ systemNames: false, servers: onlyV4 });
  const resolveV6 = createHostResolver({ systemNames: false, servers: onlyV6 });
  expect(await resolveV4('hooks.example.com')).toEqual(['192.0.2.1']);
  expect(await resolveV6('hooks.example.com')).toEqual(['2001:db8::1']);
});

test('a name that DNS does not know is an error that a retry may help', async () => {
  const servers = await startDns({});
  const resolve = createHostResolver({ systemNames: false, servers });
  await expect(resolve('localhost')).rejects.toMatchObject({
    code: 'PULSE_DELIVERY_HOST_UNRESOLVED',
    retryable: true,
    message: 'No address was found for the host localhost.',
  });
});

test('names of the system are known only on request', async () => {
  const servers = await startDns({});
  const resolve = createHostResolver({ systemNames: true, servers });
  expect(['127.0.0.1', '::1']).toEqual(expect.arrayContaining([...(await resolve('localhost'))]));
  await expect(resolve('no such name')).rejects.toMatchObject({
    code: 'PULSE_DELIVERY_HOST_UNRESOLVED',
  });
});

test('an answer of DNS takes precedence over names of the system', async () => {
  const servers = await startDns({ [TYPE_A]: [V4] });
  const resolve = createHostResolver({ systemNames: true, servers });
  expect(await resolve('localhost')).toEqual(['192.0.2.1']);
});

/** A DNS server that gives every name these addresses, by type of record. Other types: no such name. */
async function startDns(records: Record<number, readonly number[][]>): Promise<string[]> {
  const socket = createSocket('udp4');
  onTestFinished(() => {
    socket.close();
  });
  socket.on('message', (query, { port, address }) => {
    const nameEnd = query.indexOf(0, 12) + 1;
    const type = query.readUInt16BE(nameEnd);
    const addresses = records[type];
    const header = Buffer.from(query.subarray(0, 12));
    header.writeUInt16BE(0x8180 | (addresses === undefined ? NAME_UNKNOWN : 0), 2);
    header.writeUInt16BE(addresses?.length ?? 0, 6);
    // No additional records.
    header.writeUInt32BE(0, 8);
    const answers = (addresses ?? []).map((bytes) =>
      // The name of the question, its type, class IN, 60 s, and the address.
      Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, bytes.length, ...bytes]),
    );
    const question = query.subarray(12, nameEnd + 4);
    socket.send(Buffer.concat([header, question, ...answers]), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return [`127.0.0.1:${socket.address().port}`];
}
