// The part of curl that the examples in the documentation use, for machines without curl. It refuses everything
// else, so that an example with a wrong option never passes.
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { parseArgs } from 'node:util';

const EXIT = { wrongUsage: 2, noAnswer: 7, cutOff: 18, refused: 22, tooLate: 28 };

process.exitCode = await main();

async function main() {
  const { values, positionals } = readOptions();
  const [url] = positionals;
  if (url === undefined || positionals.length > 1)
    return fail(EXIT.wrongUsage, 'one URL is needed');
  const body = readBody(values);
  const sent = request(url, {
    method: values.request ?? (body === undefined ? 'GET' : 'POST'),
    headers: Object.fromEntries(headersOf(values, body)),
    agent: false,
  });
  const limitMs = Number(values['max-time'] ?? 300) * 1000;
  const timer = setTimeout(() => sent.destroy(new Error('too late')), limitMs);
  try {
    return await finish(sent, body, values);
  } catch (error) {
    if (error.message === 'too late') return fail(EXIT.tooLate, `no answer in ${limitMs} ms`);
    return fail(error.message === 'aborted' ? EXIT.cutOff : EXIT.noAnswer, error.message);
  } finally {
    clearTimeout(timer);
  }
}

function readOptions() {
  const text = { type: 'string' };
  const flag = { type: 'boolean' };
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        silent: { ...flag, short: 's' },
        fail: { ...flag, short: 'f' },
        include: { ...flag, short: 'i' },
        request: { ...text, short: 'X' },
        header: { ...text, short: 'H', multiple: true, default: [] },
        data: { ...text, short: 'd' },
        'data-binary': text,
        output: { ...text, short: 'o' },
        'dump-header': { ...text, short: 'D' },
        'max-time': text,
      },
    });
  } catch (error) {
    process.exit(fail(EXIT.wrongUsage, error.message));
  }
}

function readBody({ data, 'data-binary': binary }) {
  const given = binary ?? data;
  if (given?.startsWith('@') !== true) return given === undefined ? undefined : Buffer.from(given);
  const bytes = readFileSync(given === '@-' ? 0 : given.slice(1));
  return binary === undefined ? Buffer.from(bytes.toString().replace(/[\r\n]/g, '')) : bytes;
}

function headersOf({ header }, body) {
  const headers = new Map([
    ['accept', '*/*'],
    ['user-agent', 'curl (stand-in)'],
  ]);
  if (body !== undefined) {
    headers.set('content-type', 'application/x-www-form-urlencoded');
    headers.set('content-length', String(body.length));
  }
  for (const line of header) {
    const at = line.indexOf(':');
    headers.set(line.slice(0, at).toLowerCase(), line.slice(at + 1).trim());
  }
  return headers;
}

async function finish(sent, body, values) {
  const answered = new Promise((resolve, reject) => {
    sent.once('response', resolve).once('error', reject);
  });
  sent.end(body);
  const response = await answered;
  const head = headOf(response);
  if (values['dump-header'] !== undefined) writeFileSync(values['dump-header'], head);
  const bytes = await buffer(response);
  if (values.fail === true && response.statusCode >= 400) {
    return fail(EXIT.refused, `the answer is ${response.statusCode}`);
  }
  const output = values.include === true ? Buffer.concat([Buffer.from(head), bytes]) : bytes;
  if (values.output === undefined) process.stdout.write(output);
  else writeFileSync(values.output, output);
  return 0;
}

function headOf({ httpVersion, statusCode, statusMessage, rawHeaders }) {
  const lines = [`HTTP/${httpVersion} ${statusCode} ${statusMessage}`];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function fail(code, reason) {
  process.stderr.write(`curl (stand-in): ${reason}\n`);
  return code;
}
