import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';

/** Every file that git tracks or would track. */
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(file));

const GENERATED = ['web/src/api/schema.d.ts'];
const code = files.filter(
  (file) =>
    /^(src|test|bench|grafana|scripts|clients|web)\/.*\.(ts|tsx|js|lua)$/.test(file) &&
    !GENERATED.includes(file),
);
const source = code.filter((file) => file.startsWith('src/'));

function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').trimEnd().split('\n');
}

/** The files of this repository that a file imports, for their types too. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const specifiers = text.matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']+)'/g);
  return [...specifiers].map(([, specifier]) => join(dirname(file), specifier!));
}

describe('the house style that no linter checks', () => {
  test('there is code to check', () => {
    expect(source.length).toBeGreaterThan(30);
  });

  test('no file is longer than 300 lines', () => {
    expect(code.filter((file) => linesOf(file).length > 300)).toEqual([]);
  });

  test('files are kebab-case, and none is a barrel or a catch-all', () => {
    const misnamed = code.filter(
      (file) =>
        !/^[a-z0-9]+(-[a-z0-9]+)*(\.integration)?(\.test|\.config|\.d)?\.(ts|tsx|js|lua)$/.test(
          basename(file),
        ) || /(^|\/)(index|utils?|helpers?|common|lib)(\.|\/)/.test(file),
    );
    expect(misnamed).toEqual([]);
  });

  test('folders go one level below a stage at most', () => {
    expect(source.filter((file) => dirname(file).split('/').length > 3)).toEqual([]);
  });

  test('no folder holds more than 12 % of src, and src/api stays below 1,000 lines', () => {
    const lineCounts = new Map<string, number>();
    for (const file of source) {
      const [, folder = ''] = file.split('/');
      lineCounts.set(folder, (lineCounts.get(folder) ?? 0) + linesOf(file).length);
    }
    const total = [...lineCounts.values()].reduce((sum, count) => sum + count, 0);
    const large = [...lineCounts].filter(([, count]) => count > total * 0.12);
    expect(large).toEqual([]);
    expect(lineCounts.get('api')).toBeLessThan(1_000);
  });

  test('every file of src starts with a comment that says what it is', () => {
    const mute = source.filter(
      (file) => !/^(#!.*\n+)?(\/\*\*|\/\/|--|\s)/.test(readFileSync(file, 'utf8')),
    );
    expect(mute).toEqual([]);
  });

  test('every test file belongs to a folder or file of src, a flow, the simulation, or the whole', () => {
    const stray = code.filter((file) => {
      const match = /^test\/(\w+)\/(.+?)(\.integration)?\.test\.ts$/.exec(file);
      if (match === null || match[1] === 'flows' || match[1] === 'simulation') return false;
      return !existsSync(`src/${match[1]}`) && !existsSync(match[1]!);
    });
    expect(stray).toEqual([]);
  });

  test('no imports are circular, including type imports', () => {
    const typescript = code.filter((file) => /\.tsx?$/.test(file));
    const imports = new Map(typescript.map((file) => [file, importsOf(file)]));
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' > '));
      if (path.includes(file) || done.has(file)) return;
      for (const next of imports.get(file) ?? []) visit(next, [...path, file]);
      done.add(file);
    };
    for (const file of imports.keys()) visit(file, []);
    expect(circles).toEqual([]);
  });

  test('only config.ts reads the environment', () => {
    const readers = source.filter((file) =>
      linesOf(file).some((line) => /process\.env\b/.test(line) && !/^\s*(\*|\/\/|\/\*)/.test(line)),
    );
    expect(readers.filter((file) => !ENVIRONMENT_READERS.includes(file))).toEqual([]);
  });

  test('every mutation quotes text that occurs once in its file', async () => {
    const path = pathToFileURL('test/mutations/mutations.js').href;
    const { MUTATIONS } = (await import(path)) as {
      MUTATIONS: { name: string; edits: { file: string; find: string }[] }[];
    };
    const stale = MUTATIONS.flatMap(({ name, edits }) =>
      edits
        .filter(({ file, find: part }) => readFileSync(file, 'utf8').split(part).length !== 2)
        .map(({ file }) => `${name}: ${file}`),
    );
    expect(stale).toEqual([]);
  });

  test('every error code that is compared, expected or documented is thrown somewhere', () => {
    const read = (paths: readonly string[]) =>
      paths.map((file) => readFileSync(file, 'utf8')).join('\n');
    const find = (text: string, form: RegExp) => [...text.matchAll(form)].map(([, code]) => code!);
    const text = read(source).replace(COMMENT, '');
    const comparison = /\bcode(?: [!=]== |: )'(PULSE_\w+)'/g;
    const thrown = new Set(find(text.replace(comparison, ''), /\b(PULSE_[A-Z_]+)\b/g));
    const tests = code.filter((file) => file.startsWith('test/'));
    const pages = files.filter((file) => /^(docs\/.*|README)\.md$/.test(file));
    const named = [
      ...find(text + read(tests), comparison),
      ...find(read(pages), /\b(PULSE_[A-Z_]+[A-Z])\b/g),
    ];
    expect(named.length).toBeGreaterThan(50);
    expect(named.filter((name) => !thrown.has(name))).toEqual([]);
  });

  test('every dependency has its reason in docs/architecture.md', () => {
    const names = ['package.json', 'web/package.json'].flatMap((path) => {
      const manifest = JSON.parse(readFileSync(path, 'utf8')) as {
        dependencies?: Record<string, string>;
        devDependencies?: Record<string, string>;
      };
      return Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
    });
    const page = readFileSync('docs/architecture.md', 'utf8');
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });
});

/** Comments of TypeScript that stand on their own lines. */
const COMMENT = /^\s*(\/?\*|\/\/).*$/gm;

/** main.ts hands the environment to the parser; the servers' programs are started with a cleaned copy of it. */
const ENVIRONMENT_READERS = ['src/main.ts', 'src/config.ts', 'src/private-servers/programs.ts'];
