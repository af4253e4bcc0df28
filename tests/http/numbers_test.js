/*
 * numbers_test.js: sizes and numbers at and beyond their limits (J01, J03).
 */
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { expect, refused, settle } = require('./lib/client.js');

const SCHEMA = `
Tables:
  - TableName: figure
    Permission: 2097151
    DefaultPermission: 16256
    Columns:
      - {ColumnName: small, ColumnType: measurement, DataType: smallint, IsNullable: true}
      - {ColumnName: whole, ColumnType: measurement, DataType: int(11), IsNullable: true}
      - {ColumnName: big, ColumnType: measurement, DataType: bigint, IsNullable: true}
      - {ColumnName: exact, ColumnType: float, DataType: "decimal(20,4)", IsNullable: true}
      - {ColumnName: real, ColumnType: float, DataType: double, IsNullable: true}
      - {ColumnName: short, ColumnType: label, DataType: varchar(10), IsNullable: true}
      - {ColumnName: day, ColumnType: date, IsNullable: true}
      - {ColumnName: moment, ColumnType: datetime, IsNullable: true}
      - {ColumnName: clock, ColumnType: time, IsNullable: true}
      - {ColumnName: stars, ColumnType: rating, DataType: int(4), IsNullable: true}
      - {ColumnName: month, ColumnType: month, DataType: int(4), IsNullable: true}
`;

let instance;
let alice;

before(async () => {
	instance = await startInstance();
	const people = await settle(instance);
	alice = people.alice;
	await people.root.load('schema_figures.yaml', SCHEMA);
	await alice.made('figure', { whole: 1 });
});

after(() => instance?.stop());

test('J01: a page size that is none is refused or the most allowed', async () => {
	for (const value of ['0', '1e18', '9223372036854775808', '18446744073709551617', '-1',
		'-9223372036854775808', 'NaN', '10;x', '1.5', 'x', '', ' 1', '1 ', '0x1',
		'99999999999999999999999999']) {
		const began = Date.now();
		const answer = await alice.get(
			`/api/figure?page[size]=${encodeURIComponent(value)}`);
		assert.ok(Date.now() - began < 1000, value);
		if (answer.status === 200)
			assert.ok(answer.json.links.per_page >= 1 &&
				answer.json.links.per_page <= 1000, `${value}: ${answer.text}`);
		else
			refused(answer, 400);
	}
	for (const [value, size] of [['1', 1], ['1000', 1000], ['1001', 1000]])
		assert.equal(expect(await alice.get(`/api/figure?page[size]=${value}`), 200)
			.json.links.per_page, size, value);
});

test('J01: a page number that overflows is refused or an empty page', async () => {
	for (const value of ['9000000000000000000', '9223372036854775807', '-1', '0',
		'1e3', 'x', '18446744073709551616']) {
		const answer = await alice.get(
			`/api/figure?page[number]=${value}&page[size]=1000`);
		if (answer.status === 200)
			assert.deepEqual(answer.json.data, [], value);
		else
			refused(answer, 400);
	}
	const far = await alice.get('/api/figure?page[number]=1000');
	assert.deepEqual(expect(far, 200).json.data, []);
});

/* The answer's text has exactly this number for the column. */
async function keeps(column, sent, shown = sent) {
	const body = `{"data":{"type":"figure","attributes":{"${column}":${sent}}}}`;
	const made = expect(await alice.post('/api/figure', body), 201);
	const { id } = made.json.data;
	for (const answer of [made, await alice.get(`/api/figure/${id}`)])
		assert.match(answer.text,
			new RegExp(`"${column}":"?${shown.replace(/[.+]/g, '\\$&')}"?[,}]`),
			`${column} ${sent}`);
}

test('whole numbers of 64 bits keep every digit', async () => {
	for (const number of ['9007199254740993', '9223372036854775807',
		'-9223372036854775808', '0'])
		await keeps('big', number);
	await keeps('big', '"9007199254740993"', '9007199254740993');
	await keeps('whole', '2147483647');
	await keeps('whole', '-2147483648');
	await keeps('small', '-32768');
});

test('decimals stay exact', async () => {
	await keeps('exact', '1234567890123456.1234');
	await keeps('exact', '"1234567890123456.1234"', '1234567890123456.1234');
	await keeps('exact', '0.1000', '0.1(000)?');
	await keeps('exact', '-0.0001');
});

test('a decimal with more places than its column is refused or rounded', async () => {
	const answer = await alice.create('figure', { exact: '0.00005' });
	expect(answer, 201, 422);
});

const REFUSED = [
	['small', 32768], ['small', -32769], ['whole', 2147483648], ['whole', -2147483649],
	['whole', 1e400], ['whole', '1e3x'], ['whole', 'many'], ['whole', true],
	['whole', [1]], ['whole', { a: 1 }], ['whole', 1.5],
	['big', '9223372036854775808'], ['big', '18446744073709551616'],
	['exact', '99999999999999999999'], ['exact', 'NaN'], ['exact', 'Infinity'],
	['real', 'x'], ['real', 'NaN'],
	['short', 'x'.repeat(11)], ['short', 'ä'.repeat(11)],
	['day', '99999-01-01'], ['day', '2023-02-29'], ['day', '2023-13-01'],
	['day', '2023-00-10'], ['day', 'yesterday'], ['day', 'infinity'], ['day', 'now'],
	['moment', '2023-01-01T25:00:00Z'], ['moment', '2023-01-01T00:60:00Z'],
	['moment', 'tomorrow'], ['moment', 'epoch'], ['moment', '2023-01-01T00:00:00+99:00'],
	['clock', '24:30:00'], ['clock', 'noon'],
	['stars', 11], ['stars', -1], ['month', 13], ['month', 0],
];

for (const [column, value] of REFUSED) {
	test(`J03: ${JSON.stringify(value)} for ${column} is 422 and names it`, async () => {
		const number = value === Infinity ? '1e400' : JSON.stringify(value);
		const answer = refused(await alice.post('/api/figure', '{"data":{"type":' +
			`"figure","attributes":{"${column}":${number}}}}`), 422);
		assert.equal(answer.json.errors[0].source.pointer,
			`/data/attributes/${column}`, answer.text);
	});
}

test('J03: a leap second is a moment or refused', async () => {
	const answer = await alice.create('figure', { moment: '2016-12-31T23:59:60Z' });
	if (answer.status === 201)
		assert.equal(answer.json.data.attributes.moment, '2017-01-01T00:00:00Z');
	else
		refused(answer, 422);
});

test('a text as long as its column fits, in any script', async () => {
	for (const text of ['x'.repeat(10), 'ä'.repeat(10), '😀'.repeat(10)])
		assert.equal((await alice.made('figure', { short: text })).attributes.short, text);
});

test('a time without a zone is UTC, one with a zone is converted', async () => {
	const of = async (moment) =>
		(await alice.made('figure', { moment })).attributes.moment;
	assert.equal(await of('2024-07-01T12:00:00'), '2024-07-01T12:00:00Z');
	assert.equal(await of('2024-07-01 12:00:00'), '2024-07-01T12:00:00Z');
	assert.equal(await of('2024-07-01T12:00:00-05:30'), '2024-07-01T17:30:00Z');
	assert.equal(await of('2024-07-01'), '2024-07-01T00:00:00Z');
	assert.match(await of('2024-07-01T12:00:00.123456Z'),
		/^2024-07-01T12:00:00\.123456Z$/);
	assert.equal(await of(1719835200), '2024-07-01T12:00:00Z');
});

test('null is null, and not zero', async () => {
	const { id } = await alice.made('figure', { whole: 5, exact: '1.5' });
	const { attributes } = expect(
		await alice.update('figure', id, { whole: null, exact: null }), 200).json.data;
	assert.equal(attributes.whole, null);
	assert.equal(attributes.exact, null);
});
