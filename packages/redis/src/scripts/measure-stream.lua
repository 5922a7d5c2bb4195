--[[ What a partition's stream takes.
     KEYS[1] stream   ARGV[1] how many of its nodes are looked at; behind them all are taken to be alike
     returns {bytes, entries} ]]
return { redis.call('MEMORY', 'USAGE', KEYS[1], 'SAMPLES', ARGV[1]) or 0, redis.call('XLEN', KEYS[1]) }
