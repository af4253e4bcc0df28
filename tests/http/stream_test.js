/*
 * stream_test.js: streams, which are lists of an entity under another name,
 * and the feeds that publish them.
 */
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { startInstance, startNode } = require('./lib/instance.js');
const { Client, NOWHERE, expect, refused, settle } = require('./lib/client.js');

const OPEN = 2097151;
let instance;
let people;

const step = (Operation, Attributes) => ({ Operation, Attributes });
const SCHEMA = {
	Tables: [{
		TableName: 'post', Permission: OPEN, DefaultPermission: OPEN,
		Columns: [
			{ ColumnName: 'headline', ColumnType: 'label', DataType: 'varchar(100)' },
			{ ColumnName: 'link', ColumnType: 'url', DataType: 'varchar(200)', IsNullable: true },
			{ ColumnName: 'description', ColumnType: 'content', DataType: 'text', IsNullable: true },
			{ ColumnName: 'author_name', ColumnType: 'label', DataType: 'varchar(100)', IsNullable: true },
			{ ColumnName: 'author_email', ColumnType: 'label', DataType: 'varchar(100)', IsNullable: true },
			{ ColumnName: 'stars', ColumnType: 'measurement', DataType: 'int(11)', DefaultValue: '0' },
		],
	}],
	Streams: [{
		StreamName: 'news', RootEntityName: 'post',
		Columns: [{ Name: 'title', ColumnType: 'label' }, { Name: 'link', ColumnType: 'url' }],
		QueryParams: { query: ['[{"column":"stars","operator":"gt","value":0}]'] },
		Transformations: [
			step('rename', { OldName: 'headline', NewName: 'title' }),
			step('duplicate', { ColumnName: 'title', NewColumnName: 'heading' }),
			step('drop', { Columns: ['permission', 'reference_id', 'updated_at', 'user_account_id'] }),
			step('filter', { ColumnName: 'title', Comparator: '!=', Value: 'left out' }),
		],
	}, {
		StreamName: 'few', RootEntityName: 'Post',
		Transformations: [step('filter', { ColumnName: 'stars', Comparator: 'in', Value: [1, '3'] }),
			step('select', { Columns: ['stars'] })],
	}],
};

before(async () => {
	instance = await startInstance();
	people = await settle(instance);
	await people.root.load('schema_post.json', JSON.stringify(SCHEMA));
	for (const [headline, stars] of [['none', 0], ['one', 1], ['left out', 2],
		['<three> & "more"', 3]])
		await people.root.made('post', { headline, stars, link: `https://x.example/?n=${stars}&m=1`,
			description: `about ${headline}`, author_name: 'Ann', author_email: 'ann@x.example' });
});

after(() => instance?.stop());

const rows = (answer) => expect(answer, 200).json.data;

test('a stream is a list of what its steps make of the rows', async () => {
	const answer = await people.guest.get('/api/news?sort=stars');
	assert.deepEqual(rows(answer).map((row) => row.attributes.title),
		['one', '<three> & "more"']);
	const [row] = rows(answer);
	assert.equal(row.type, 'news');
	assert.deepEqual(Object.keys(row.attributes).sort(), ['__type', 'author_email',
		'author_name', 'created_at', 'description', 'heading', 'link', 'stars', 'title']);
	assert.equal(row.attributes.__type, 'news');
	assert.equal(row.attributes.heading, 'one');
	assert.match(row.id, /^[0-9a-f-]{36}$/);
	assert.equal(answer.json.links.total, 3, 'of the entity: filters see a page');
	const page = await people.guest.get('/api/news?sort=-stars&page[size]=1&page[number]=2');
	assert.deepEqual(rows(page), [], 'the filter left out the page\'s one row');
	assert.equal(page.json.links.current_page, 2);
	assert.match(page.json.links.next_page_url, /^\/api\/news\?/);
});

test('comparisons are of numbers where both are', async () => {
	assert.deepEqual(rows(await people.guest.get('/api/few?sort=stars'))
		.map((row) => row.attributes), [{ __type: 'few', stars: 1 }, { __type: 'few', stars: 3 }]);
});

test('what the stream sets is fixed, and bad parameters are refused', async () => {
	const query = encodeURIComponent('[{"column":"stars","operator":"is","value":0}]');
	assert.deepEqual(rows(await people.guest.get(`/api/news?query=${query}`)).length, 2);
	refused(await people.guest.get('/api/news?sort=nothing'), 400);
	refused(await people.guest.get('/api/news?page[number]=0'), 400);
});

test('a stream has no other doors', async () => {
	refused(await people.root.get(`/api/news/${NOWHERE}`), 403);
	refused(await people.root.create('news', { title: 'x' }), 403);
	refused(await people.root.update('news', NOWHERE, { title: 'x' }), 403);
	refused(await people.root.delete(`/api/news/${NOWHERE}`), 403);
	refused(await people.root.get('/aggregate/news'), 404);
	refused(await people.root.get('/api/nothing'), 404);
});

test('a stream describes itself', async () => {
	for (const name of ['news', 'news.js']) {
		const { json } = expect(await people.guest.get(`/jsmodel/${name}`), 200);
		assert.deepEqual(Object.keys(json.ColumnModel), ['title', 'link', '__type']);
		assert.equal(json.ColumnModel.link.ColumnType, 'url');
		assert.deepEqual([json.Actions, json.StateMachines, json.IsStateMachineEnabled],
			[[], [], false]);
	}
	const { json } = expect(await people.guest.get('/jsmodel/few.js'), 200);
	assert.ok(json.ColumnModel.headline);
	const { text } = expect(await people.guest.get('/openapi.yaml'), 200);
	assert.match(text, /\n {2}"?\/api\/news"?:/);
});

test('the built-in streams are there, with the rights of what they show', async () => {
	const tables = rows(await people.root.get('/api/table?page[size]=500'));
	assert.ok(tables.some((row) => row.attributes.table_name === 'post'));
	assert.deepEqual(Object.keys(tables[0].attributes).sort(),
		['__type', 'reference_id', 'table_name']);
	const users = rows(await people.root.get('/api/transformed_user'));
	assert.ok(users.some((row) => row.attributes.primary_email === 'alice@example.com'));
	assert.deepEqual(rows(await people.guest.get('/api/transformed_user')), []);
});

test('a stream made as a row is there at once, on all nodes, until it is off', async () => {
	const other = await startNode(instance);
	const guest = new Client(other);
	expect(await guest.get('/api/news'), 200);
	const { id } = await people.root.made('stream', { stream_name: 'late',
		stream_contract: JSON.stringify({ rootentityname: 'post', transformations: [
			{ operation: 'SELECT', attributes: { columns: ['headline'] } }] }) });
	assert.equal(rows(await people.guest.get('/api/late')).length, 4);
	const end = Date.now() + 5000;
	while ((await guest.get('/api/late')).status !== 200)
		assert.ok(Date.now() < end, 'the other node has it within a second or so');
	expect(await people.root.update('stream', id, { enable: false }), 200);
	refused(await people.guest.get('/api/late'), 404);
});

test('a stream that can\'t be read refuses its schema', async () => {
	for (const [stream, fault] of [
		[{ RootEntityName: 'nothing' }, /no entity nothing/],
		[{ RootEntityName: 'post', Transformations: [step('turn', {})] }, /Operation/],
		[{ RootEntityName: 'post', Transformations: [step('select', {})] }, /Columns/],
		[{ RootEntityName: 'post', Transformations: [step('filter',
			{ ColumnName: 'stars', Comparator: '~', Value: 1 })] }, /Comparator/],
		[{ RootEntityName: 'post', Transformations: [step('rename', { OldName: 'a' })] }, /NewName/],
	])
		assert.match(refused(await people.root.upload('schema_bad.json', JSON.stringify(
			{ Streams: [{ StreamName: 'bad', ...stream }] })), 422).text, fault);
});

test('a stream that can\'t be read refuses its row', async () => {
	for (const contract of [{ RootEntityName: 'nothing' }, {}, []])
		assert.equal(refused(await people.root.create('stream', { stream_name: 'bad',
			stream_contract: JSON.stringify(contract) }), 422).json.errors[0].source.pointer,
		'/data/attributes/stream_contract');
	refused(await people.root.create('stream', { stream_name: 'post',
		stream_contract: JSON.stringify({ RootEntityName: 'post' }) }), 422);
});

async function publish(name, attributes) {
	const query = encodeURIComponent('[{"column":"stream_name","operator":"is","value":"news"}]');
	const [stream] = rows(await people.root.get(`/api/stream?query=${query}`));
	return people.root.made('feed', { feed_name: name, stream_id: stream.id, title: 'News & more',
		description: 'All of it', link: 'https://x.example/', author_name: 'Ann',
		author_email: 'ann@x.example', ...attributes });
}

test('a feed is RSS, Atom and JSON', async () => {
	await publish('daily', { enable: true });
	const rss = expect(await people.guest.get('/feed/daily.rss'), 200);
	assert.match(rss.headers.get('content-type'), /^application\/xml/);
	assert.match(rss.text, /^<\?xml version="1.0" encoding="UTF-8"\?><rss version="2.0"><channel>/);
	assert.match(rss.text, /<title>News &amp; more<\/title>/);
	assert.match(rss.text, /<item><title>&lt;three&gt; &amp; &quot;more&quot;<\/title>/);
	assert.match(rss.text, /<link>https:\/\/x.example\/\?n=3&amp;m=1<\/link>/);
	assert.match(rss.text, /<author>ann@x.example \(Ann\)<\/author>/);
	assert.match(rss.text, /<pubDate>[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT<\/pubDate>/);
	assert.equal(rss.text.split('<item>').length, 3);
	assert.equal((await people.guest.get('/feed/daily.xml')).text, rss.text);

	const atom = expect(await people.guest.get('/feed/daily.atom'), 200);
	assert.match(atom.headers.get('content-type'), /^application\/xml/);
	assert.match(atom.text, /<feed xmlns="http:\/\/www.w3.org\/2005\/Atom">/);
	assert.match(atom.text, /<id>urn:uuid:[0-9a-f-]{36}<\/id><updated>\d{4}-\d\d-\d\dT[\d:.]+Z<\/updated>/);
	assert.equal(atom.text.split('<entry>').length, 3);

	const json = expect(await people.guest.get('/feed/daily.json'), 200);
	assert.match(json.headers.get('content-type'), /^application\/json/);
	assert.equal(json.json.version, 'https://jsonfeed.org/version/1');
	assert.equal(json.json.title, 'News & more');
	assert.deepEqual(json.json.items.map((item) => item.title), ['<three> & "more"', 'one']);
	assert.equal(json.json.items[0].url, 'https://x.example/?n=3&m=1');
	assert.equal(json.json.items[0].author.name, 'Ann');
});

test('a feed has as many entries as its page', async () => {
	await publish('short', { enable: true, page_size: 1 });
	const { json } = expect(await people.guest.get('/feed/short.json'), 200);
	assert.deepEqual(json.items.map((item) => item.title), ['<three> & "more"']);
});

test('a feed that is off, not there, or not for the caller is not there', async () => {
	await publish('off', {});
	await publish('partly', { enable: true, enable_rss: false });
	const closed = await publish('closed', { enable: true });
	expect(await people.root.update('feed', closed.id, { permission: 16256 }), 200);
	for (const name of ['off.rss', 'nothing.rss', 'partly.rss', 'closed.json'])
		refused(await people.guest.get(`/feed/${name}`), 404);
	expect(await people.guest.get('/feed/partly.atom'), 200);
	expect(await people.root.get('/feed/closed.json'), 200);
	refused(await people.guest.get('/feed/daily'), 400);
});
