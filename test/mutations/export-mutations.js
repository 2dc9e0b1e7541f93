// The guards of exports and workflows, see mutations.js.

const EXPORTER = { tests: 'test/exports/exporter.integration.test.ts' };
const round = (faults, seed) => ({ faults, seed, kind: 'exports' });

export const EXPORT_MUTATIONS = [
  {
    name: 'export-fence',
    guard: 'an exporter that has lost its lease cannot finish the file',
    off: 'nobody looks at the fence',
    edits: [
      {
        file: 'src/exports/lease-query.ts',
        find: 'id = $1 AND fence = $2 AND',
        replace: 'id = $1 AND $2::integer IS NOT NULL AND',
      },
    ],
    red: [EXPORTER, round('exporter-zombie', 1)],
  },
  {
    name: 'download-of-deleted',
    guard: 'a download ends with its export',
    off: 'it goes on',
    edits: [
      {
        file: 'src/exports/watch-downloads.ts',
        find: 'reply.request.socket.destroy();',
        replace: 'reply.request.socket.setKeepAlive();',
      },
    ],
    red: [{ tests: 'test/exports/watch-downloads.integration.test.ts' }],
  },
  {
    name: 'download-without-rights',
    guard: 'a download ends with the rights of its caller',
    off: 'it goes on',
    edits: [
      {
        file: 'src/http/lasting-answer.ts',
        find: 'reply.request.socket.destroy();',
        replace: 'reply.request.socket.setKeepAlive();',
      },
    ],
    red: [{ tests: 'test/api/lasting-answers.integration.test.ts' }],
  },
  {
    name: 'workflow-consumed-once',
    guard: 'a message that comes again consumes nothing',
    off: 'nobody looks whether its workflow is consumed',
    edits: [
      {
        file: 'src/workflows/consume-next.ts',
        find: "if (workflow.status === 'consumed') {",
        replace: 'if (workflow.round === 0) {',
      },
    ],
    // Most fault rounds with rabbitmq-kill see it too, but it depends on when the message comes again.
    red: [{ tests: 'test/workflows/consume-next.integration.test.ts' }],
  },
];
