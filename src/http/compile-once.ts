/** Schemas with the same text share what is compiled from them: nine in ten describe the same problems. */

/** As Fastify calls it: with the schemas that others refer to, then for each part of each route. */
type Build<Schemas, Options, Route, Compiled> = (
  schemas: Schemas,
  options: Options,
) => (route: Route) => Compiled;

/**
 * Half of the time to start the API was compiling the same schema for route after route.
 *
 * @param build What it compiles must keep no state between calls.
 */
export function compileOnce<Schemas, Options, Route, Compiled>(
  build: Build<Schemas, Options, Route, Compiled>,
): Build<Schemas, Options, Route, Compiled> {
  const compilers = new Map<string, (route: Route) => Compiled>();
  return (schemas, options) =>
    getOrCreate(compilers, JSON.stringify([schemas, options]), () => {
      const compile = build(schemas, options);
      const compiled = new Map<string, Compiled>();
      return (route) => {
        const { schema } = route as { readonly schema: unknown };
        return getOrCreate(compiled, JSON.stringify(schema), () => compile(route));
      };
    });
}

function getOrCreate<Value>(map: Map<string, Value>, key: string, create: () => Value): Value {
  const found = map.get(key);
  if (found !== undefined) return found;
  const created = create();
  map.set(key, created);
  return created;
}
