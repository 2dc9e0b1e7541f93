// Compiles bench/ into dist/bench/, next to the build of src/ that it measures: the files that users run, not a
// second copy. `npm run typecheck` checks the types; here they are only stripped.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const from = fileURLToPath(new URL('.', import.meta.url));
const to = fileURLToPath(new URL('../dist/bench/', import.meta.url));
const compilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  isolatedModules: true,
  rewriteRelativeImportExtensions: true,
};

rmSync(to, { recursive: true, force: true });
for (const name of readdirSync(from, { recursive: true })) {
  if (!name.endsWith('.ts')) continue;
  const { outputText } = ts.transpileModule(readFileSync(join(from, name), 'utf8'), {
    compilerOptions,
    fileName: name,
  });
  const target = join(to, name.replace(/\.ts$/, '.js'));
  mkdirSync(dirname(target), { recursive: true });
  // src/ is compiled into dist/ itself.
  writeFileSync(target, outputText.replace(/(from ['"](?:\.\.\/)+)src\//g, '$1'));
}
