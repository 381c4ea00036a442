<?php
// Answers pusher-js and Echo when they ask whether a user may subscribe: what
// Laravel serves at /broadcasting/auth and /broadcasting/user-auth.
//
//   php -S 127.0.0.1:8000 authorize.php
//
// Whoever presents "Authorization: Bearer ada" is ada here; an application
// looks at its session.

$key = getenv('PUSHER_APP_KEY') ?: 'karez-dev';
$secret = getenv('PUSHER_APP_SECRET') ?: 'karez-dev';

header('Access-Control-Allow-Origin: *');
header('Access-Control-Allow-Headers: Authorization, Content-Type');
if ($_SERVER['REQUEST_METHOD'] === 'OPTIONS') {
    exit;
}

/** Which channels a user may subscribe to: the heart of routes/channels.php. */
function may(string $user, string $channel): bool
{
    return match (true) {
        str_starts_with($channel, 'presence-') => true,
        str_starts_with($channel, 'private-user.') => $channel === "private-user.$user",
        default => str_starts_with($channel, 'private-'),
    };
}

function refuse(): never
{
    http_response_code(403);
    exit('Forbidden');
}

$user = preg_match('/^Bearer (\w+)$/', $_SERVER['HTTP_AUTHORIZATION'] ?? '', $m) ? $m[1] : refuse();
$socket = $_POST['socket_id'] ?? '';
if (!preg_match('/^\d+\.\d+$/', $socket)) { // else a client could have other texts signed
    refuse();
}
header('Content-Type: application/json');

if (parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH) === '/broadcasting/user-auth') {
    $data = json_encode(['id' => $user]);
    echo json_encode(['auth' => "$key:" . hash_hmac('sha256', "$socket::user::$data", $secret), 'user_data' => $data]);
    exit;
}
$channel = $_POST['channel_name'] ?? '';
if (!may($user, $channel)) {
    refuse();
}
$answer = [];
$text = "$socket:$channel";
if (str_starts_with($channel, 'presence-')) {
    // The very string that is signed is what the client passes on.
    $answer['channel_data'] = json_encode(['user_id' => $user, 'user_info' => ['name' => ucfirst($user)]]);
    $text .= ':' . $answer['channel_data'];
}
$answer['auth'] = "$key:" . hash_hmac('sha256', $text, $secret);
echo json_encode($answer);
