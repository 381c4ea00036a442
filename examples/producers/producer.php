<?php
// Writes one whole turn, token by token. Needs nothing but PHP.
//
//   php producer.php chat:42 t81        (REDIS_HOST, REDIS_PORT)
//
// '0-*' lets Redis number the entries 0-1, 0-2, …: the epoch that needs no lease.

[, $channel, $turn] = $argv;
$key = "karez:{app/$channel}:turn:$turn";
$timeline = "karez:{app/$channel}:timeline";

$redis = stream_socket_client(
    'tcp://' . (getenv('REDIS_HOST') ?: '127.0.0.1') . ':' . (getenv('REDIS_PORT') ?: '6379'),
) ?: exit(1);

/** One command and its answer; a refusal, because someone closed the turn, is thrown. */
function say(string ...$args): void
{
    global $redis;
    $out = '*' . count($args) . "\r\n";
    foreach ($args as $a) {
        $out .= '$' . strlen($a) . "\r\n$a\r\n";
    }
    fwrite($redis, $out);
    $line = fgets($redis);
    if ($line === false || $line[0] === '-') {
        throw new RuntimeException(trim($line ?: 'Redis has hung up'));
    }
    if ($line[0] === '$') {
        fgets($redis); // the id
    }
}

say('XADD', $timeline, '0-*', 'turn', json_encode(['turn' => $turn]));
say('XADD', $key, '0-*', 'prompt', json_encode(['text' => 'Say hello']), 'v', '1');

foreach (['Hel', 'lo ', 'from ', 'PHP ', '🌊'] as $token) {
    say('XADD', $key, '0-*', 'text', $token);
}

say('XADD', $key, '0-*', 'end', json_encode(['reason' => 'stop']));
say('EXPIRE', $key, '2592000');
say('XADD', $timeline, '0-*', 'turn_end', json_encode(['turn' => $turn, 'state' => 'completed']));
