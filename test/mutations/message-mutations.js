// The guards of messages and subscriptions, see mutations.js.

const SUBSCRIPTIONS = { tests: 'test/subscriptions/subscriptions.integration.test.ts' };

export const MESSAGE_MUTATIONS = [
  {
    name: 'inbox',
    guard: 'a message that comes twice takes effect once',
    off: 'the inbox claims every copy',
    edits: [
      {
        file: 'src/messaging/inbox.ts',
        find: 'reply = NULL WHERE $3`',
        replace: 'reply = NULL WHERE $3 OR true`',
      },
    ],
    red: [SUBSCRIPTIONS, { tests: 'test/messaging/messaging.integration.test.ts' }],
  },
  {
    name: 'same-answer',
    guard: 'a copy of a message has the same answer',
    off: 'the answer is not kept',
    edits: [
      {
        file: 'src/messaging/handle-message.ts',
        find: 'if (isKnown && reply !== undefined) await keepReply(client, message, reply);',
        replace: 'void keepReply;',
      },
    ],
    red: [SUBSCRIPTIONS],
  },
  {
    name: 'subscription-lock',
    guard: 'changes of one subscription take turns',
    off: 'a subscription is read without its lock',
    edits: [
      {
        file: 'src/subscriptions/subscriptions-query.ts',
        find: 'FROM subscriptions WHERE id = $1 FOR UPDATE`',
        replace: 'FROM subscriptions WHERE id = $1`',
      },
    ],
    red: [{ tests: 'test/subscriptions/subscriptions-routes.integration.test.ts' }],
  },
  {
    name: 'restarted-postgres',
    guard: 'admission reads all again from a Postgres that was started since',
    off: 'it reads only what has changed',
    edits: [
      {
        file: 'src/subscriptions/admission-query.ts',
        find: "if (position.split('@')[1] === server) return",
        replace: "if (position.split('@')[1] !== '' || server === '') return",
      },
    ],
    red: [{ tests: 'test/subscriptions/admission-query.integration.test.ts' }],
  },
  {
    name: 'ordered-once',
    guard: 'an order purchases each recurring product once',
    off: 'each announcement purchases a new subscription',
    edits: [
      {
        file: 'src/subscriptions/purchase-ordered.ts',
        find: 'const id = subscriptionOfItem(orderId, sku);',
        replace: 'const id = subscriptionOfItem(orderId, sku + Math.random());',
      },
    ],
    red: [SUBSCRIPTIONS],
  },
];
