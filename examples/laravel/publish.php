<?php
// Publishes an event to a channel, with nothing but PHP itself: what Laravel's
// broadcasting does, made visible.
//
//   php publish.php http://127.0.0.1:8080 private-orders.1 OrderShipped '{"id":1}'
//
// The app is taken from PUSHER_APP_ID, PUSHER_APP_KEY and PUSHER_APP_SECRET, as
// Laravel takes it; `karez dev` has one whose id, key and secret are karez-dev.

/** Calls the REST API; the secret signs method, path, time and body. */
function call(string $server, string $method, string $path, string $body = ''): string
{
    $id = getenv('PUSHER_APP_ID') ?: 'karez-dev';
    $path = "/apps/$id$path";
    $query = [
        'auth_key' => getenv('PUSHER_APP_KEY') ?: 'karez-dev',
        'auth_timestamp' => time(),
        'auth_version' => '1.0',
    ];
    if ($body !== '') {
        $query['body_md5'] = md5($body);
    }
    ksort($query);
    $pairs = [];
    foreach ($query as $key => $value) {
        $pairs[] = "$key=$value"; // signed as they are, not escaped
    }
    $text = "$method\n$path\n" . implode('&', $pairs);
    $query['auth_signature'] = hash_hmac('sha256', $text, getenv('PUSHER_APP_SECRET') ?: 'karez-dev');
    $answer = file_get_contents("$server$path?" . http_build_query($query), false, stream_context_create(['http' => [
        'method' => $method,
        'header' => 'Content-Type: application/json',
        'content' => $body,
        'timeout' => 10,
        'ignore_errors' => true, // so that a refusal can be read
    ]]));
    $status = $answer === false ? 'no answer' : $http_response_header[0];
    if (!str_contains($status, ' 200 ')) {
        fwrite(STDERR, "$status: $answer\n");
        exit(1);
    }
    return $answer;
}

[, $server, $channel, $event, $data] = $argv;
echo call($server, 'POST', '/events', json_encode([
    'name' => $event,
    'channels' => [$channel],
    'data' => $data, // a string, which clients decode
])), "\n";
echo call($server, 'GET', '/channels'), "\n";
