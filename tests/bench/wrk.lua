-- wrk.lua: one kind of request, from variables of the environment.
wrk.method = os.getenv("BENCH_METHOD") or "GET"
wrk.headers["Authorization"] = os.getenv("BENCH_TOKEN")
wrk.headers["Content-Type"] = os.getenv("BENCH_TYPE")
wrk.body = os.getenv("BENCH_BODY")
