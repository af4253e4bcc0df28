/*
 * tables.test.mjs: spreadsheets and CSV files as other programs write them:
 * LibreOffice, SheetJS, ExcelJS, libxlsxwriter, psql and Python.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import ExcelJS from 'exceljs';
import XLSX from 'xlsx';

const require = createRequire(import.meta.url);
const library = process.env.ACTD_LIBRARY;
const folder = process.env.ACTD_TABLES;
const { startInstance } = require(`${library}/instance.js`);
const { expect, fileOf, item, messages, refused, settle } = require(`${library}/client.js`);

let instance;
let root;

before(async () => {
	instance = await startInstance();
	({ root } = await settle(instance));
});

after(() => instance?.stop());

const upload = (name, bytes, attributes) => root.action('world',
	`upload_${name.endsWith('csv') ? 'csv' : 'xls'}_to_system_schema`,
	{ data_xls_file: [fileOf(name, bytes)], create_if_not_exists: true, ...attributes });

async function imported(name, bytes, entity, more) {
	const answer = expect(await upload(name, bytes, { entity_name: entity, ...more }), 200);
	return item(answer, 'action.response');
}

const typesOf = (report) => Object.fromEntries(report.columns
	.map(({ name, column_type }) => [name, column_type]));

async function rows(entity) {
	const answer = expect(await root.get(
		`/api/${entity}?sort=reference_id&page[size]=500`), 200);
	return answer.json.data.map((row) => row.attributes);
}

const COLUMNS = { name: 'label', count: 'measurement', price: 'float', day: 'date',
	at: 'time', moment: 'datetime', answer: 'truefalse', doubled: 'measurement' };

describe('libxlsxwriter', () => {
	function written(count) {
		const file = path.join(folder, `written-${count}.xlsx`);
		execFileSync(path.join(folder, 'write_xlsx'), [file, String(count)]);
		return fs.readFileSync(file);
	}

	for (const count of [50, 2000])
		test(`${count} rows, ${count > 1000 ? 'inline' : 'shared'} strings`, async () => {
			const entity = `written_${count > 1000 ? 'inline' : 'shared'}`;
			const report = await imported('w.xlsx', written(count), entity);
			assert.equal(report.created, count);
			assert.deepEqual(typesOf(report), COLUMNS);
			const [first] = await rows(entity);
			assert.equal(first.name, 'Größe <1> & "more"');
			assert.equal(first.count, 1);
			assert.equal(first.price, 0.35);
			assert.equal(first.day, '2024-02-02T00:00:00Z');
			assert.match(first.at, /T01:30:15Z$/);
			assert.equal(first.moment, '2024-02-02T01:30:15Z');
			assert.equal(first.answer, true);
			assert.equal(first.doubled, 2);
		});
});

const TABLE = [
	['First Name', 'code', 'amount', 'born', 'ok'],
	['Ann', '007', 12.5, new Date(Date.UTC(1990, 0, 31)), true],
	['Bob "B" Lee', '010', -3, new Date(Date.UTC(1985, 11, 1)), false],
	['日本, 😀', '011', 1234567.25, new Date(Date.UTC(2001, 1, 28)), true],
];

/* SheetJS reads dates in local time; UTC days need none. */
function sheetJs(type, change = () => {}) {
	const sheet = XLSX.utils.aoa_to_sheet(TABLE, { UTC: true, cellDates: false });
	const book = XLSX.utils.book_new();
	XLSX.utils.book_append_sheet(book, XLSX.utils.aoa_to_sheet([['other'], [1]]), 'Other');
	XLSX.utils.book_append_sheet(book, sheet, 'People');
	change(book, sheet);
	return XLSX.write(book, { type: 'buffer', bookType: type });
}

async function checkPeople(entity) {
	const all = await rows(entity);
	assert.deepEqual(all.map((row) => row.first_name), TABLE.slice(1).map((row) => row[0]));
	assert.deepEqual(all.map((row) => row.code), ['007', '010', '011']);
	assert.deepEqual(all.map((row) => row.amount), [12.5, -3, 1234567.25]);
	assert.deepEqual(all.map((row) => row.ok), [true, false, true]);
	assert.deepEqual(all.map((row) => row.born.slice(0, 10)),
		['1990-01-31', '1985-12-01', '2001-02-28']);
}

describe('SheetJS', () => {
	test('XLSX, a sheet by its name', async () => {
		const report = await imported('s.xlsx', sheetJs('xlsx'), 'sheet_xlsx',
			{ sheet: 'People' });
		assert.deepEqual(typesOf(report), { first_name: 'label', code: 'label',
			amount: 'float', born: 'date', ok: 'truefalse' });
		await checkPeople('sheet_xlsx');
	});

	test('XLSX, a sheet by its number, and the first without', async () => {
		await imported('s.xlsx', sheetJs('xlsx'), 'sheet_two', { sheet: '2' });
		await checkPeople('sheet_two');
		const report = await imported('s.xlsx', sheetJs('xlsx'), 'sheet_one');
		assert.deepEqual(typesOf(report), { other: 'measurement' });
	});

	test('the epoch of 1904', async () => {
		await imported('s.xlsx', sheetJs('xlsx', (book, sheet) => {
			book.Workbook = { WBProps: { date1904: true } };
			for (const cell of ['D2', 'D3', 'D4'])
				if (sheet[cell].t === 'n')
					sheet[cell].v -= 1462;
		}), 'sheet_epoch', { sheet: 'People' });
		await checkPeople('sheet_epoch');
	});

	test('XLS of Excel 97', async () => {
		const report = await imported('s.xls', sheetJs('biff8'), 'sheet_xls',
			{ sheet: 'People' });
		assert.equal(report.created, 3);
		const all = await rows('sheet_xls');
		assert.deepEqual(all.map((row) => row.first_name),
			TABLE.slice(1).map((row) => row[0]));
		assert.deepEqual(all.map((row) => row.code), ['007', '010', '011']);
		assert.deepEqual(all.map((row) => row.amount), [12.5, -3, 1234567.25]);
		assert.deepEqual(all.map((row) => row.born.slice(0, 10)),
			['1990-01-31', '1985-12-01', '2001-02-28']);
	});

	test('CSV', async () => {
		const text = XLSX.utils.sheet_to_csv(
			XLSX.utils.aoa_to_sheet([['a', 'b'], ['x, "y"', 'two\nlines'], ['z', '']]));
		await imported('s.csv', text, 'sheet_csv');
		assert.deepEqual((await rows('sheet_csv')).map(({ a, b }) => [a, b]),
			[['x, "y"', 'two\nlines'], ['z', null]]);
	});

	test('a sheet that is not there', async () => {
		const answer = await upload('s.xlsx', sheetJs('xlsx'),
			{ entity_name: 'nowhere', sheet: 'Nobody' });
		assert.match(messages(refused(answer, 422)), /no such sheet.*Other, People/);
	});

	test('a formula that failed is a fault, not a value', async () => {
		const bytes = sheetJs('xlsx', (book, sheet) => {
			sheet.C3 = { t: 'e', v: 7, w: '#DIV/0!' };
		});
		const answer = await upload('s.xlsx', bytes,
			{ entity_name: 'failed', sheet: 'People' });
		assert.match(messages(refused(answer, 422)), /row 3, column amount/);
	});
});

describe('ExcelJS', () => {
	async function bytesOf(fill) {
		const book = new ExcelJS.Workbook();
		fill(book);
		return Buffer.from(await book.xlsx.writeBuffer());
	}

	test('rich text, merged and empty cells, results of formulas', async () => {
		const bytes = await bytesOf((book) => {
			const sheet = book.addWorksheet('Sheet 1');
			sheet.addRow(['title', 'group', 'total', 'note']);
			sheet.addRow([{ richText: [{ text: 'bold', font: { bold: true } },
				{ text: ' and plain' }] }, 'g', { formula: 'A1', result: 7 }]);
			sheet.addRow(['second', null, { formula: 'B1', result: 8.5 }, 'n']);
			sheet.mergeCells('B2:B3');
			sheet.addRow([]);
			sheet.addRow(['last', 'h', 9, ' spaces ']);
		});
		const report = await imported('e.xlsx', bytes, 'excel_rich');
		assert.equal(report.created, 3);
		const all = await rows('excel_rich');
		assert.deepEqual(all.map((row) => row.title), ['bold and plain', 'second', 'last']);
		assert.deepEqual(all.map((row) => row.group), ['g', null, 'h']);
		assert.deepEqual(all.map((row) => row.total), [7, 8.5, 9]);
		assert.deepEqual(all.map((row) => row.note), [null, 'n', ' spaces ']);
	});

	test('dates with times, and a column of nothing but blanks', async () => {
		const bytes = await bytesOf((book) => {
			const sheet = book.addWorksheet('x');
			sheet.addRow(['when', 'empty', 'n']);
			sheet.addRow([new Date(Date.UTC(2024, 1, 29, 12, 30, 45)), null, 1]);
			sheet.addRow([new Date(Date.UTC(1899, 11, 31)), null, 2]);
			sheet.getColumn(1).numFmt = 'dd/mm/yyyy hh:mm:ss';
		});
		await imported('e.xlsx', bytes, 'excel_dates');
		assert.equal((await rows('excel_dates'))[0].when, '2024-02-29T12:30:45Z');
	});

	test('control characters and underscores come as they are', async () => {
		const odd = 'a_x000D_b_x0041_c\ttab';
		const bytes = await bytesOf((book) => {
			const sheet = book.addWorksheet('x');
			sheet.addRow(['odd', 'n']);
			sheet.addRow([{ richText: [{ text: 'plain_text_here' }] }, 1]);
			sheet.addRow([odd.replaceAll('_x', '_x005F_x'), 2]);
		});
		await imported('e.xlsx', bytes, 'excel_odd');
		assert.deepEqual((await rows('excel_odd')).map((row) => row.odd),
			['plain_text_here', odd]);
	});
});

describe('LibreOffice', () => {
	/* Comma, quote, UTF-8, first line, column:kind (2 text, 5 day of a year
	 * first), language, quoted is no text, what looks special is so. */
	const READ = 'CSV:44,34,76,1,1/2/2/2/3/1/4/5/5/1/6/5,0,false,true';
	const SOURCE = 'First Name,code,amount,born,ok,at\n' +
		'Ann,007,12.5,1990-01-31,TRUE,2024-02-29 12:30:45\n' +
		'"Bob ""B"" Lee",010,-3,1985-12-01,FALSE,2023-01-01 00:00:01\n' +
		'"Zoë, €",011,1234567.25,2001-02-28,TRUE,2022-12-31 23:59:59\n';

	/* A file of that kind, with a profile of its own. */
	function written(kind, name) {
		const at = fs.mkdtempSync(path.join(folder, 'office.'));
		try {
			fs.writeFileSync(path.join(at, 'people.csv'), SOURCE);
			execFileSync('soffice', [`-env:UserInstallation=file://${at}/profile`,
				'--headless', `--infilter=${READ}`, '--convert-to', kind,
				'--outdir', path.join(at, 'out'), path.join(at, 'people.csv')],
			{ stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, HOME: at } });
			return fs.readFileSync(path.join(at, 'out', name));
		} finally {
			fs.rmSync(at, { recursive: true, force: true });
		}
	}

	const CSV = 'csv:Text - txt - csv (StarCalc)';
	for (const [what, entity, kind, name, options] of [
		['XLSX', 'office_xlsx', 'xlsx', 'people.xlsx', {}],
		['XLS of Excel 97', 'office_xls', 'xls:MS Excel 97', 'people.xls', {}],
		['CSV with semicolons', 'office_csv', `${CSV}:59,34,76`, 'people.csv', {}],
		['CSV in Windows-1252', 'office_ansi', `${CSV}:9,34,1`, 'people.csv',
			{ encoding: 'windows-1252' }]])
		test(what, async () => {
			await imported(name, written(kind, name), entity, options);
			const all = await rows(entity);
			assert.deepEqual(all.map((row) => row.first_name),
				['Ann', 'Bob "B" Lee', 'Zoë, €']);
			assert.deepEqual(all.map((row) => row.code), ['007', '010', '011']);
			assert.deepEqual(all.map((row) => row.amount), [12.5, -3, 1234567.25]);
			assert.deepEqual(all.map((row) => row.born.slice(0, 10)),
				['1990-01-31', '1985-12-01', '2001-02-28']);
			assert.deepEqual(all.map((row) => row.ok), [true, false, true]);
			assert.deepEqual(all.map((row) => row.at), ['2024-02-29T12:30:45Z',
				'2023-01-01T00:00:01Z', '2022-12-31T23:59:59Z']);
		});
});

describe('PostgreSQL and Python', () => {
	test('\\copy writes, an import reads', async () => {
		const text = execFileSync('psql', [...instance.databaseArguments(), '-XAtq', '-c',
			'\\copy (SELECT i AS number, \'a "quoted", \' || chr(10) || \'text\' AS words, ' +
			'now()::timestamptz(0) AS moment, i % 2 = 0 AS even, NULL AS nothing, ' +
			'i * 1.10 AS price FROM generate_series(1, 100) i) TO STDOUT (FORMAT csv, HEADER)'],
		{ env: instance.environment });
		const report = await imported('copied.csv', text, 'copied');
		assert.equal(report.created, 100);
		assert.deepEqual(typesOf(report), { number: 'measurement', words: 'label',
			moment: 'datetime', even: 'truefalse', nothing: 'label', price: 'float' });
		assert.equal((await rows('copied'))[1].words, 'a "quoted", \ntext');
		assert.equal(instance.psql('SELECT sum(price) FROM copied'), '5555.00');
	});

	test('Python\'s csv in its dialects', async (t) => {
		const script = `
import csv, io, sys, codecs
rows = [["Name", "Größe", "day"], ["Ann; Lee", "1,5\\"x", "2024-02-29"],
        ["Bob|x", "tab\\there", "2023-01-01"], ["two\\nlines", "€", "2022-12-31"]]
kind = sys.argv[1]
out = io.StringIO()
options = {"excel": {}, "semicolon": {"delimiter": ";"}, "unix": {"dialect": "unix"},
           "tab": {"dialect": "excel-tab"}, "bar": {"delimiter": "|"},
           "utf-16": {}, "bom": {}, "cp1252": {"delimiter": ";"}}[kind]
csv.writer(out, **options).writerows(rows)
encoding = {"utf-16": "utf-16", "bom": "utf-8-sig", "cp1252": "cp1252"}.get(kind, "utf-8")
sys.stdout.buffer.write(out.getvalue().encode(encoding))
`;
		if (spawnSync('python3', ['-c', '']).status !== 0)
			return t.skip('there is no python3');
		for (const kind of ['excel', 'semicolon', 'unix', 'tab', 'bar', 'utf-16', 'bom',
			'cp1252']) {
			const entity = `python_${kind.replace(/[^a-z]/g, '')}`;
			const bytes = execFileSync('python3', ['-c', script, kind]);
			const report = await imported('p.csv', bytes, entity,
				kind === 'cp1252' ? { encoding: 'windows-1252' } : {});
			assert.deepEqual(typesOf(report), { name: 'label', gr_e: 'label', day: 'date' },
				kind);
			assert.deepEqual((await rows(entity)).map((row) => [row.name, row.gr_e]),
				[['Ann; Lee', '1,5"x'], ['Bob|x', 'tab\there'], ['two\nlines', '€']], kind);
		}
	});
});
