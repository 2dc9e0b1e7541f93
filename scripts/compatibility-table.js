// The table of docs/compatibility.md, made by `npm run test:versions -- --write`.

const TASKS = ['demo', 'test', 'faults'];
const HEAD = ['Node.js', 'RabbitMQ', 'Redis or Valkey', 'Postgres', ...TASKS];
const NOT_RUN = '-';

/**
 * Writes one system's results into the page. The result of a task that did not run this time is kept if it was
 * measured with the same versions.
 *
 * @param row.results By task: the exit code and the seconds.
 */
export function mergeRow(page, { node, store, results, servers }, today) {
  const lines = page.trimEnd().split('\n');
  const start = lines.findIndex((line) => line.startsWith('| Node.js'));
  if (start === -1) throw new Error('The page has no table that begins with "| Node.js".');
  let end = start;
  while (lines[end]?.startsWith('|')) end++;
  const rows = lines.slice(start + 2, end).map(cellsOf);

  const storeName = `${store === 'valkey' ? 'Valkey' : 'Redis'} ${servers[store]}`;
  const versions = [node, servers.rabbitmq, storeName, servers.postgres];
  const before = rows.find((cells) => keyOf(cells) === keyOf(versions));
  const isSame = before !== undefined && versions.every((text, index) => text === before[index]);
  const cells = TASKS.map((task, index) => {
    const result = results[task];
    if (result === undefined) return isSame ? before[versions.length + index] : NOT_RUN;
    return result.code === 0 ? `${today} (${result.seconds} s)` : `**failed** ${today}`;
  });
  const merged = [...rows.filter((one) => one !== before), [...versions, ...cells]];
  merged.sort((left, right) => keyOf(left).localeCompare(keyOf(right), 'en', { numeric: true }));
  const table = toTable([HEAD, ...merged]);
  return [...lines.slice(0, start), ...table, ...lines.slice(end), ''].join('\n');
}

/** One row for each major version of Node with each kind of Redis. */
function keyOf([node = '', , store = '']) {
  return `${node.split('.')[0]} ${store.split(' ')[0]}`;
}

function cellsOf(line) {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

/** Pads the columns to one width, as prettier formats tables. */
function toTable(rows) {
  const widths = rows[0].map((_, index) =>
    Math.max(...rows.map((cells) => cells[index].length), 3),
  );
  const toLine = (cells) =>
    `| ${cells.map((cell, index) => cell.padEnd(widths[index])).join(' | ')} |`;
  const rule = toLine(widths.map((width) => '-'.repeat(width)));
  const [head, ...body] = rows.map(toLine);
  return [head, rule, ...body];
}
