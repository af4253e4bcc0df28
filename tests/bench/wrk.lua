-- wrk.lua: one kind of request, from variables of the environment; with
-- BENCH_IDS one of them in place of "some-row" in path and body, by chance.
wrk.method = os.getenv("BENCH_METHOD") or "GET"
wrk.headers["Authorization"] = os.getenv("BENCH_TOKEN")
wrk.headers["Content-Type"] = os.getenv("BENCH_TYPE")
wrk.body = os.getenv("BENCH_BODY")

local ids = {}
for id in string.gmatch(os.getenv("BENCH_IDS") or "", "[^,]+") do
   ids[#ids + 1] = id
end

if #ids > 0 then
   request = function()
      local id = ids[math.random(#ids)]
      local body = wrk.body and wrk.body:gsub("some%-row", id)
      return wrk.format(nil, (wrk.path:gsub("some%-row", id)), nil, body)
   end
end
