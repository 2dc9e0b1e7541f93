/** The operator console: a page of static files, which the build makes from `web/`. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { FastifyError, FastifyRequest } from 'fastify';
import { fastifyStatic } from '@fastify/static';
import { answerNotFound } from '../http/error-handler.ts';
import { CONSOLE_PATH } from '../http/api-base.ts';
import type { Api } from '../http/api-module.ts';
import { addKeptFiles } from '../http/kept-files.ts';
import { builtFileUrl } from '../platform/built-file.ts';

/** Everything from this server, nothing inline. */
const CONSOLE_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const FOLDER = new URL('./', builtFileUrl(import.meta.url, '../web/manifest.js'));

/** The names of these files change with their content. */
const ASSETS = '/assets/';
const ONE_YEAR = 'public, max-age=31536000, immutable';

/** The address of a page may hold a name with a backslash. */
const NO_PATH_OF_A_FILE = 'FST_STATIC_FORBIDDEN_PATH';

/**
 * Adds the console below `/console`. It is public, as it holds no data: the page logs in and asks the API.
 *
 * Every address of a page answers with the same document, which reads the address.
 */
export async function addConsole(app: Api): Promise<void> {
  const root = fileURLToPath(FOLDER);
  if (!existsSync(root)) {
    throw new Error(`${root} does not exist. \`npm run build\` makes the console.`);
  }
  const answerNoFile = answerNotFound(app.routeTable);
  app.get(CONSOLE_PATH, { schema: { hide: true }, config: { public: true } }, (_request, reply) =>
    reply.redirect(`${CONSOLE_PATH}/`),
  );
  await app.register(
    async (scope) => {
      addKeptFiles(scope);
      scope.addHook('onSend', (request, reply, payload, done) => {
        void reply.headers({
          'content-security-policy': CONSOLE_CSP,
          'cache-control': isAsset(request) && reply.statusCode === 200 ? ONE_YEAR : 'no-cache',
        });
        done(null, payload);
      });
      scope.setNotFoundHandler((request, reply) => {
        if (isAsset(request)) answerNoFile(request, reply);
        else void reply.sendFile('index.html');
      });
      scope.setErrorHandler((error, request, reply) => {
        const { code } = error as FastifyError;
        if (code !== NO_PATH_OF_A_FILE || isAsset(request)) throw error;
        void reply.sendFile('index.html');
      });
      await scope.register(fastifyStatic, {
        root,
        preCompressed: true,
        cacheControl: false,
        schemaHide: true,
      });
    },
    { prefix: CONSOLE_PATH },
  );
}

function isAsset({ url }: Pick<FastifyRequest, 'url'>): boolean {
  return url.startsWith(`${CONSOLE_PATH}${ASSETS}`);
}
