// The guards of events and their delivery, see mutations.js.

const round = (faults, seed) => ({ faults, seed, kind: 'deliveries' });

export const DELIVERY_MUTATIONS = [
  {
    name: 'event-stored-once',
    guard: 'an event that comes again is a duplicate',
    off: 'nobody looks whether it is stored',
    edits: [
      {
        file: 'src/events/messages-query.ts',
        find: 'WHERE owner IS NULL',
        replace: '',
      },
    ],
    red: [{ tests: 'test/events/events.integration.test.ts' }, round('none', 1)],
  },
  {
    name: 'event-id-taken',
    guard: 'an event with the id of one for another client is refused',
    off: 'it is a duplicate, and lost',
    edits: [
      {
        file: 'src/events/store-events.ts',
        find: 'event.client !== (owner ?? first?.client)',
        replace: 'first === undefined',
      },
    ],
    red: [{ tests: 'test/events/taken-ids.integration.test.ts' }],
  },
  {
    name: 'delivered-if-taken',
    guard: 'a delivery is over when its receiver answers 2xx',
    off: 'any answer will do',
    edits: [
      {
        file: 'src/delivery/send-webhook.ts',
        find: 'statusCode >= 200 && statusCode < 300',
        replace: 'statusCode >= 200',
      },
    ],
    red: [{ tests: 'test/delivery/send-webhook.test.ts' }, round('receivers-failing', 1)],
  },
  {
    name: 'deliveries-in-order',
    guard: 'an endpoint in order waits for the delivery before',
    off: 'it waits only for what is due',
    edits: [
      {
        file: 'src/delivery/sender-query.ts',
        find: "'ORDER BY number LIMIT 1'",
        replace: "'AND due_at <= clock_timestamp() ORDER BY due_at, number LIMIT 1'",
      },
    ],
    red: [{ tests: 'test/delivery/delivery.integration.test.ts' }, round('receivers-failing', 1)],
  },
  {
    name: 'endpoint-lease',
    guard: 'a sender that has lost its lease makes no deliveries',
    off: 'nobody looks who holds the endpoint',
    edits: [
      {
        file: 'src/delivery/leases-query.ts',
        find: 'WHERE endpoint_id = $1 AND held_by = $2 FOR UPDATE`',
        replace: 'WHERE endpoint_id = $1 AND $2::uuid IS NOT NULL FOR UPDATE`',
      },
    ],
    red: [{ tests: 'test/delivery/sender-turns.integration.test.ts' }],
  },
  {
    name: 'both-secrets-sign',
    guard: 'both secrets sign while one rotates',
    off: 'only the new one signs',
    edits: [
      {
        file: 'src/delivery/signature.ts',
        find: 'secrets.map((secret) => new Webhook',
        replace: 'secrets.slice(0, 1).map((secret) => new Webhook',
      },
    ],
    red: [{ tests: 'test/delivery/signature.test.ts' }, round('none', 2)],
  },
  {
    name: 'fresh-timestamp',
    guard: 'a webhook is signed with the time of its attempt',
    off: 'with that of its delivery',
    edits: [
      {
        file: 'src/delivery/send-delivery.ts',
        find: 'timestampSec: Math.floor(attemptedAt.getTime()',
        replace: 'timestampSec: Math.floor(createdAt.getTime()',
      },
    ],
    red: [round('none', 1)],
  },
  {
    name: 'checked-addresses',
    guard: 'what a name resolves to is checked',
    off: 'it is not',
    edits: [
      {
        file: 'src/delivery/address-guard.ts',
        find: 'if (addresses.some(isRefused)) {',
        replace: 'if (addresses.some(isRefused) && addresses.length > 9) {',
      },
    ],
    red: [{ tests: 'test/delivery/address-guard.test.ts' }, round('none', 1)],
  },
];
