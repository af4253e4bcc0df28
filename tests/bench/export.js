/*
 * export.js: plain downloads beside \copy of the same table to a CSV file, in
 * turns, and the memory that they take. EXPORT_ROWS (1,000,000) rows,
 * EXPORT_ROUNDS (3) rounds.
 */
'use strict';

const { execFile } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { promisify } = require('node:util');
const { startInstance } = require('../http/lib/instance.js');
const { expect, fileOf, settle } = require('../http/lib/client.js');
const { COLUMNS, exitCode, median, peakOf, processorSeconds, psql, say, sayMemory, seconds,
	zlibSpeed } = require('./measure.js');

const run = promisify(execFile);
const ROWS = Number(process.env.EXPORT_ROWS || 1000000);
const ROUNDS = Number(process.env.EXPORT_ROUNDS || 3);
const SHEET_ROWS = Math.min(ROWS, 100000);

let instance;
let root;

/* By the client that costs least, to a file as \copy does. */
const fetched = (format, file, table = 'bulk') => run('curl', ['-sSf', '-o', file,
	'-H', `Authorization: Bearer ${root.token}`,
	`${instance.url}/action/world/export_data?download&table_name=${table}&format=${format}`]);

const copied = (file) => run('psql', [...instance.databaseArguments(), '-XAtq', '-c',
	`\\copy bulk TO '${file}' (FORMAT csv)`], { env: instance.environment });

async function fill() {
	const head = psql(instance, `COPY (SELECT ${COLUMNS} FROM generate_series(1, 2) i) ` +
		'TO STDOUT (FORMAT csv, HEADER)');
	for (const [entity, rows] of [['bulk', ROWS], ['sheet', SHEET_ROWS]]) {
		expect(await root.action('world', 'upload_csv_to_system_schema', {
			data_csv_file: [fileOf('head.csv', head)], entity_name: entity,
			create_if_not_exists: true }), 200);
		psql(instance, `TRUNCATE ${entity} CASCADE`,
			`INSERT INTO ${entity} (number, name, mail, price, day, moment, even, note, ` +
			'permission, user_account_id) SELECT number, name, mail, price, day, ' +
			'moment::timestamp, even, note, 2097057, (SELECT min(id) FROM user_account) ' +
			`FROM (SELECT ${COLUMNS} FROM generate_series(1, ${rows}) i) x`,
			`VACUUM ANALYZE ${entity}`);
	}
}

/* The texts in turns, each beside the \copy of its round. */
async function texts(folder) {
	const times = { copy: [], json: [], jsonl: [], csv: [] };
	const file = path.join(folder, 'out');
	const peak = await peakOf(instance, async () => {
		for (let round = 0; round < ROUNDS; round++) {
			times.copy.push(await seconds(() => copied(file)));
			for (const format of ['json', 'jsonl', 'csv'])
				times[format].push(await seconds(() => fetched(format, file)));
		}
	});
	const rate = (list) => `${Math.round(ROWS / median(list))} rows/s`;
	for (const [format, bar] of [['json', 1], ['jsonl', 0], ['csv', 0]])
		say(`export as ${format}`, median(times.copy) / median(times[format]), bar,
			`${rate(times[format])} beside ${rate(times.copy)} of \\copy to CSV`);
	sayMemory(`of exports, ${ROWS} rows`, peak);
}

async function sheets(folder) {
	const file = path.join(folder, 'out.xlsx');
	const [deflate] = await zlibSpeed();
	const wall = await seconds(() => fetched('xlsx', file, 'sheet'));
	const rate = SHEET_ROWS / await processorSeconds(instance, 'world/export_data');
	say('XLSX out, of 50,000 rows/s of a core', rate / 50000, 1,
		`${Math.round(rate)} rows/s of the worker's time, ` +
		`${Math.round(SHEET_ROWS / wall)} on the clock; zlib deflates ` +
		`${Math.round(deflate)} MB/s here`);
	sayMemory(`of an export as XLSX, ${ROWS} rows`,
		await peakOf(instance, () => fetched('xlsx', file)));
}

(async () => {
	instance = await startInstance();
	try {
		({ root } = await settle(instance));
		const folder = fs.mkdtempSync('/tmp/actd-export.');
		fs.chmodSync(folder, 0o777);
		try {
			await fill();
			await texts(folder);
			await sheets(folder);
		} finally {
			fs.rmSync(folder, { recursive: true, force: true });
		}
	} finally {
		instance.stop();
	}
	process.exitCode = exitCode();
})();
