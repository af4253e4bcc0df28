/*
 * aggregate_test.js: sums, counts and groups over the rows that a caller may
 * see, in both shapes.
 */
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { expect, refused, schemaFile, settle } = require('./lib/client.js');

let instance;
let guest;
let root;
let alice;
let jane;
let bob;

before(async () => {
	instance = await startInstance();
	({ guest, root, alice } = await settle(instance));
	await root.load('schema_library.yaml', schemaFile('schema_library.yaml'));
	jane = await root.made('author', { name: 'Jane' });
	bob = await root.made('author', { name: 'Bob' });
	for (const [title, pages, author_id] of [['A', 100, jane.id], ['B', 200, jane.id],
		['C', 50, bob.id], ['D', 0, bob.id]])
		await root.made('book', { title, pages, author_id });
});

after(() => instance?.stop());

async function aggregate(query, client = root) {
	const answer = expect(await client.get(`/aggregate/book?${query}`), 200);
	return answer.json.data.map((row) => {
		assert.equal(row.type, 'aggregate_book');
		assert.ok(row.id);
		const { __type, ...rest } = row.attributes;
		assert.equal(__type, 'aggregate_book');
		return rest;
	});
}

test('without columns rows are counted', async () => {
	assert.deepEqual(await aggregate(''), [{ count: 4 }]);
	const stats = expect(await root.get('/stats/book?column=count'), 200);
	assert.deepEqual(stats.json.data, [{ __type: 'aggregate_book', count: 4 }]);
});

test('groups by a foreign key come with reference ids, in order', async () => {
	assert.deepEqual(
		await aggregate('group=author_id&column=count,sum(pages) as total&order=-total'),
		[{ count: 2, total: 300, author_id: jane.id },
			{ count: 2, total: 50, author_id: bob.id }]);
});

test('filters, having, paths and joins choose rows', async () => {
	assert.deepEqual(await aggregate('column=count&filter=gte(pages,100)'), [{ count: 2 }]);
	assert.deepEqual(await aggregate('column=count&filter=in(title,A,B,X)'), [{ count: 2 }]);
	assert.deepEqual(await aggregate('column=count&filter=eq(on_shelf,true)'), [{ count: 4 }]);
	assert.deepEqual(await aggregate(`column=count&filter=eq(author_id,author@${jane.id})`),
		[{ count: 2 }]);
	assert.deepEqual(await aggregate('column=count&filter=eq(author_id.name,Bob)'),
		[{ count: 2 }]);
	assert.deepEqual(await aggregate('group=author_id.name&column=count&having=gt(sum(pages),100)'),
		[{ count: 2, 'author_id.name': 'Jane' }]);
	assert.deepEqual(await aggregate('column=count&group=author.name' +
		'&join=author@eq(id,book.author_id)&order=author.name'),
	[{ count: 2, 'author.name': 'Bob' }, { count: 2, 'author.name': 'Jane' }]);
	assert.deepEqual(await aggregate('column=count&group=author.name'
		+ '&join=author@eq(name,\'Jane\')&order=author.name'), [{ count: 4, 'author.name': 'Jane' }]);
});

test('functions of text, numbers and time work', async () => {
	assert.deepEqual(await aggregate('column=lower(title) as t,abs(pages) as n'
		+ '&filter=eq(title,A)'), [{ t: 'a', n: 100 }]);
	assert.deepEqual(await aggregate('column=min(title),max(pages),avg(pages)'),
		[{ 'min(title)': 'A', 'max(pages)': 200, 'avg(pages)': 87.5 }]);
	const [day] = await aggregate('timesample=day');
	assert.match(day.time, /T00:00:00Z$/);
	const [row] = await aggregate('column=year(created_at) as y,strftime(\'%25Y-%25m\',created_at) as m'
		+ '&filter=eq(title,A)');
	assert.match(row.m, new RegExp(`^${row.y}-\\d\\d$`));
	assert.deepEqual(await aggregate('timefrom=2999-01-01'), [{ count: 0 }]);
});

test('groups are ordered by what they show', async () => {
	assert.equal((await aggregate('group=year(created_at)&column=count' +
		'&order=-year(created_at)'))[0].count, 4);
	assert.equal((await aggregate('column=count&order=-sum(pages)'))[0].count, 4);
	for (const query of ['column=title&having=gt(count,0)', 'column=title&order=count',
		'column=count&order=title', 'group=title&order=pages', 'order=title'])
		refused(await root.get(`/aggregate/book?${query}`), 400);
});

test('POST takes the same as JSON', async () => {
	const answer = expect(await root.post('/aggregate/book', { group: ['author_id'],
		column: ['count'], filter: ['gt(pages,60)'] }), 200);
	assert.deepEqual(answer.json.data.map((row) => row.attributes.count), [2]);
});

test('only visible rows count', async () => {
	refused(await guest.get('/aggregate/book'), 403);
	assert.deepEqual(await aggregate('', alice), [{ count: 0 }]);
});

test('D05: what is no aggregation is refused, and no SQL of a client runs', async () => {
	for (const query of ['column=pg_read_file(\'x\')', 'column=(select 1)',
		'column=count as "x', 'column=count as a;b', 'group=count', 'column=nothing',
		'column=password', 'column=sum(title)', 'column=title,count', 'filter=eq(pages,abc)',
		'filter=eq(pages', 'filter=drop(pages,1)', 'having=gt(pages,1)', 'order=nothing',
		'column=date_trunc(\'x\',created_at)', 'join=nothing@eq(a,b)', 'column=sum(sum(pages))',
		'filter=eq(title,\'a', 'column=substr(title)', 'timesample=fortnight',
		'group=pg_read_file(\'x\')', 'group=(select 1)', 'group=title"', 'group=1',
		'having=gt(pg_sleep(5),1)', 'having=gt((select 1),1)', 'having=count',
		'column=count as a"b', 'column=count as \'a\'', 'column=count(*) from book--',
		'column=pg_sleep(5)', 'column=version()', 'column=current_user', 'order=1;select 1',
		'order=pg_sleep(5)', 'filter=eq(pages,(select 1))', 'join=pg_shadow@eq(a,b)'])
		for (const door of ['/aggregate/book', '/stats/book'])
			refused(await root.get(`${door}?${query.replaceAll(';', '%3B')}`), 400);
	refused(await root.get('/aggregate/nothing'), 404);
});
