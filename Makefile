# The same targets as the npm scripts, for hands that type make.
.PHONY: demo start run-api run-worker test coverage bench check

demo:
	npm run demo

start:
	npm start

run-api:
	node scripts/run.js api

run-worker:
	node scripts/run.js worker

test:
	npm test

coverage:
	npm run coverage

bench:
	npm run bench

check:
	npm run check
