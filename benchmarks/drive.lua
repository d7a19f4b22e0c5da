-- What wrk sends. Arguments after "--": MODE [FILE] [KEY]
--   get           the same GET every time
--   same   FILE   the same POST every time; the file holds its body
--   each   FILE   a POST for each line of the file, each once; stop when none is left
--   rotate FILE   refresh tokens, one a line: send the oldest, keep its successor; write what is left back
-- KEY goes out as "Authorization: Bearer KEY". One JSON object is printed at the end.

local thread_of_main
first, last, lines = 1, 0, {}

function setup(thread)
  thread_of_main = thread
end

local function load(path)
  for line in io.lines(path) do
    last = last + 1
    lines[last] = line
  end
end

local function take()
  if first > last then
    wrk.thread:stop()
    return nil
  end
  local line = lines[first]
  lines[first] = nil
  first = first + 1
  return line
end

local function send_each()
  return wrk.format(nil, nil, nil, take() or "{}")
end

local function send_token()
  return wrk.format(nil, nil, nil, '{"refresh_token":"' .. (take() or "") .. '"}')
end

local function keep_successor(status, headers, body)
  local token = body:match('"refresh_token": ?"([^"]+)"')
  if token then
    last = last + 1
    lines[last] = token
  end
end

function init(args)
  mode, path = args[1], args[2]
  if args[3] then
    wrk.headers["Authorization"] = "Bearer " .. args[3]
  end
  if mode == "get" then
    return
  end
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  load(path)
  if mode == "same" then
    wrk.body = lines[1]
  elseif mode == "each" then
    request = send_each
  else
    request, response = send_token, keep_successor
  end
end

function done(summary, latency, requests)
  if thread_of_main:get("mode") == "rotate" then
    local left = thread_of_main:get("lines")
    local file = io.open(thread_of_main:get("path"), "w")
    for number = thread_of_main:get("first"), thread_of_main:get("last") do
      file:write(left[number], "\n")
    end
    file:close()
  end
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "p50": %.4f, "p99": %.4f, "failed": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
