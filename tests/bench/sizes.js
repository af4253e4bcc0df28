/*
 * sizes.js: what a page costs in a table of a million rows beside one of a
 * thousand. BENCH_MANY (1,000,000) rows.
 */
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { startInstance } = require('../http/lib/instance.js');
const { mailOf, settle } = require('../http/lib/client.js');
const { costs, finish, wrk } = require('./rounds.js');

const FEW = 1000;
const MANY = Number(process.env.BENCH_MANY || 1000000);

/* Every other row is somebody else's, and closed. */
function fill(instance, table, count) {
	instance.psql(`INSERT INTO ${table} (created_at, permission, user_account_id, title, ` +
		'quantity) SELECT now() - n * interval \'1 second\', 16256, a.id, ' +
		`'Row number ' || n, n % 100 FROM generate_series(1, ${count}) n ` +
		`JOIN user_account a ON a.email = CASE n % 2 WHEN 0 THEN '${mailOf('alice')}' ` +
		`ELSE '${mailOf('bob')}' END`);
	instance.psql(`VACUUM ANALYZE ${table}`);
}

async function main() {
	const instance = await startInstance();
	const { alice, root } = await settle(instance);

	await root.load('schema_bench.yaml',
		fs.readFileSync(path.join(__dirname, 'schema_bench.yaml'), 'utf8'));
	fill(instance, 'small', FEW);
	fill(instance, 'large', MANY);
	const ask = (table, query) => () =>
		wrk(instance.port, `/api/${table}${query}`, { client: alice });
	await costs(`page of ${MANY} rows beside ${FEW}, without a total`, 1.5,
		ask('small', '?page[total]=none'), ask('large', '?page[total]=none'));
	await costs(`page of ${MANY} rows beside ${FEW}, default total`, 3,
		ask('small', ''), ask('large', ''));
	finish();
}

main().catch((error) => {
	console.error(error);
	process.exitCode = 1;
	process.exit();
});
