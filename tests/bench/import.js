/*
 * import.js: imports beside \copy of finished rows into the same table with
 * its indexes, in turns, and the memory that they take. IMPORT_ROWS (1,000,000)
 * rows of 8 columns, IMPORT_ROUNDS (3) rounds.
 */
'use strict';

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { BUILD, startInstance } = require('../http/lib/instance.js');
const { expect, item, settle } = require('../http/lib/client.js');
const measure = require('./measure.js');
const { COLUMNS, exitCode, median, peakOf, processorSeconds, say, sayMemory, seconds,
	zlibSpeed } = measure;

const ROWS = Number(process.env.IMPORT_ROWS || 1000000);
const ROUNDS = Number(process.env.IMPORT_ROUNDS || 3);
const SHEET_ROWS = Math.min(ROWS, 100000);

let instance;
let root;

const psql = (...commands) => measure.psql(instance, ...commands);

async function send(entity, file, type, query = '') {
	const response = await fetch(`${instance.url}/action/world/upload_csv_to_system_schema` +
		`?entity_name=${entity}${query}`, { method: 'POST',
		body: await fs.openAsBlob(file),
		headers: { authorization: `Bearer ${root.token}`, 'content-type': type } });
	const text = await response.text();
	return item(expect({ status: response.status, text, asked: file,
		json: JSON.parse(text) }, 200), 'action.response');
}

async function csv(folder) {
	const file = path.join(folder, 'import.csv');
	const finished = path.join(folder, 'finished.csv');
	psql(`\\copy (SELECT ${COLUMNS} FROM generate_series(1, ${ROWS}) i) TO '${file}' (FORMAT csv, HEADER)`);
	const times = { copy: [], existing: [], fresh: [] };
	await send('bulk', file, 'text/csv', '&create_if_not_exists=true');
	psql(`\\copy bulk TO '${finished}' (FORMAT csv)`);
	const peak = await peakOf(instance, async () => {
		for (let round = 0; round < ROUNDS; round++)
			await oneRound(round);
	});
	async function oneRound(round) {
		psql('TRUNCATE bulk CASCADE', 'CHECKPOINT');
		times.copy.push(await seconds(() => psql(`\\copy bulk FROM '${finished}' (FORMAT csv)`)));
		psql('TRUNCATE bulk CASCADE', 'CHECKPOINT');
		times.existing.push(await seconds(() => send('bulk', file, 'text/csv')));
		psql('CHECKPOINT');
		const name = `fresh${'abcdefghij'[round]}`;
		times.fresh.push(await seconds(() =>
			send(name, file, 'text/csv', '&create_if_not_exists=true')));
		psql(`TRUNCATE ${name} CASCADE`);
	}
	const copy = median(times.copy);
	const of = (list) => `${Math.round(ROWS / median(list))} rows/s beside ` +
		`${Math.round(ROWS / copy)} of \\copy`;
	say('CSV into an existing entity', copy / median(times.existing), 0.7, of(times.existing));
	say('CSV, types found first', copy / median(times.fresh), 0.5, of(times.fresh));
	sayMemory(`of imports of CSV, ${ROWS} rows`, peak);
	fs.rmSync(file);
	fs.rmSync(finished);
}

const XLSX = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

const writeSheet = (file, rows) =>
	execFileSync(path.join(BUILD, 'bench/write_xlsx'), [file, String(rows)]);

async function xlsx(folder) {
	const file = path.join(folder, 'import.xlsx');
	writeSheet(file, SHEET_ROWS);
	await send('sheet', file, XLSX, '&create_if_not_exists=true');
	const times = [];
	for (let round = 0; round < ROUNDS; round++) {
		psql('TRUNCATE sheet CASCADE');
		times.push(await seconds(() => send('sheet', file, XLSX)));
	}
	const [, inflate] = await zlibSpeed();
	const rate = SHEET_ROWS / await processorSeconds(instance, 'upload_csv_to');
	say('XLSX, of 50,000 rows/s of a core', rate / 50000, 1,
		`${Math.round(rate)} rows/s of the worker's time, ` +
		`${Math.round(SHEET_ROWS / median(times))} with PostgreSQL's; ` +
		`zlib inflates ${Math.round(inflate)} MB/s here`);
	psql('TRUNCATE sheet CASCADE');
	writeSheet(file, ROWS);
	sayMemory(`of an import of XLSX, ${ROWS} rows`,
		await peakOf(instance, () => send('sheet', file, XLSX)));
	fs.rmSync(file);
}

(async () => {
	instance = await startInstance();
	try {
		({ root } = await settle(instance));
		const folder = fs.mkdtempSync('/tmp/actd-import.');
		fs.chmodSync(folder, 0o777);
		try {
			await csv(folder);
			await xlsx(folder);
		} finally {
			fs.rmSync(folder, { recursive: true, force: true });
		}
	} finally {
		instance.stop();
	}
	process.exitCode = exitCode();
})();
