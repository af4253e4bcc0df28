/*
 * data_test.js: SOAK_ROWS (5,000,000) rows in as CSV, out again as CSV and as
 * JSON, and back from that on the command line, as a dump of 2 GB is more than
 * a request may have: nothing is lost, and the memory of workers and of what
 * they start stays bounded.
 */
'use strict';

const assert = require('node:assert/strict');
const { execFile, spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, test } = require('node:test');
const { promisify } = require('node:util');
const { ACTD, startInstance } = require('../http/lib/instance.js');
const { settle } = require('../http/lib/client.js');
const { COLUMNS, peakOf, privateOf, psql, seconds } = require('../bench/measure.js');

const ROWS = Number(process.env.SOAK_ROWS || 5000000);
const MEMORY_MAX = 64e6;

const run = promisify(execFile);

let instance;
let root;
let folder;

before(async () => {
	instance = await startInstance();
	({ root } = await settle(instance));
	folder = fs.mkdtempSync('/tmp/actd-soak.');
	fs.chmodSync(folder, 0o777);
});

after(() => {
	instance?.stop();
	fs.rmSync(folder, { recursive: true, force: true });
});

const file = (name) => path.join(folder, name);

/* The files are too large for this process. */
async function curl(target, ...words) {
	const { stdout } = await run('curl', ['-sS', '-w', '%{http_code}',
		'-H', `Authorization: Bearer ${root.token}`, ...words, instance.url + target]);
	assert.match(stdout, /200$/, stdout);
}

/* What all rows are together, whatever their order and ids. */
const sum = (entity) => psql(instance, 'SELECT count(*), ' +
	'sum(hashtextextended(concat_ws(\'|\', number, name, mail, price, day, moment, even, note), 0)) ' +
	`FROM ${entity}`).trim();

function report(t, what, took, peak) {
	t.diagnostic(`${what}: ${Math.round(ROWS / took)} rows/s, ` +
		`${(peak / 1e6).toFixed(1)} MB at most`);
	assert.ok(peak > 0 && peak < MEMORY_MAX, `${what} took ${peak} bytes`);
}

async function bounded(t, what, work) {
	let took;
	const peak = await peakOf(instance, async () => { took = await seconds(work); });
	report(t, what, took, peak);
}

test(`${ROWS} rows come in as CSV, their types found first`, async (t) => {
	psql(instance, `\\copy (SELECT ${COLUMNS} FROM generate_series(1, ${ROWS}) i) ` +
		`TO '${file('in.csv')}' (FORMAT csv, HEADER)`);
	await bounded(t, 'import of CSV', () => curl('/action/world/upload_csv_to_system_schema' +
		'?entity_name=soak&create_if_not_exists=true', '-o', file('answer'),
	'-H', 'Content-Type: text/csv', '-T', file('in.csv'), '-X', 'POST'));
	fs.rmSync(file('in.csv'));
	assert.match(sum('soak'), new RegExp(`^${ROWS}\\|`));
});

for (const format of ['csv', 'json'])
	test(`they go out as ${format}`, async (t) => {
		await bounded(t, `export as ${format}`, () => curl('/action/world/export_data' +
			`?download&table_name=soak&format=${format}`, '-o', file(`out.${format}`)));
		assert.ok(fs.statSync(file(`out.${format}`)).size > 100 * ROWS);
		fs.rmSync(file('out.csv'), { force: true });
	});

test('and come back as they were', async (t) => {
	const expected = sum('soak');
	let peak = 0;
	const took = await seconds(async () => {
		const actd = spawn(ACTD, ['import-dump', '--truncate', file('out.json')], {
			stdio: ['ignore', 'ignore', 'inherit'], env: { ...instance.environment,
				ACTD_DATABASE: `host=${instance.folder}/run user=actd dbname=actd`,
				ACTD_KEYS_FILE: path.join(instance.folder, 'keys') } });
		const watch = setInterval(() => {
			peak = Math.max(peak, privateOf(actd.pid));
		}, 50);
		const [status] = await once(actd, 'exit');
		clearInterval(watch);
		assert.equal(status, 0);
	});
	report(t, 'import of the dump', took, peak);
	assert.equal(sum('soak'), expected);
});
