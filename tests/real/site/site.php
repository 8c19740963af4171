<?php
// php site.php COMMAND [ARG…], run in the site's folder: what the test does to the site behind the API's back. Prints what it did as one line.
define('WP_INSTALLING', $argv[1] === 'install');
$_SERVER['HTTP_HOST'] = '127.0.0.1:' . getenv('SITE_PORT');
$_SERVER['REQUEST_METHOD'] = 'GET';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
function wp_mail() { return true; } // nobody is written to
require getcwd() . '/wp-load.php';

// Texts that are not plain: quotes, entities, backslashes, many scripts, emoji.
function texts($n) {
  $some = ['Moon & co', '"Quoted" <b>bold</b>', 'Żółw Łódź', '日本語の題', 'שלום עולם', '🚀 to the 🌙', 'back\\slash and \\n', "tab\there", 'Ünïcode – dash', 'plain'];
  return $some[$n % count($some)] . " $n";
}
function insert($n, $status, $gmt) {
  return wp_insert_post(wp_slash([
    'post_title' => texts($n), 'post_content' => "<p>Body of $n: " . str_repeat(texts($n + 1) . ' ', 20) . '</p>', 'post_excerpt' => $n % 3 ? '' : "short $n",
    'post_status' => $status, 'post_author' => 1, 'post_date_gmt' => $gmt, 'post_date' => get_date_from_gmt($gmt), 'comment_status' => 'closed',
  ]), true);
}
// All of them with one stamp.
function touch_all($ids, $gmt) {
  global $wpdb;
  $list = implode(',', array_map('intval', $ids));
  $wpdb->query($wpdb->prepare("UPDATE $wpdb->posts SET post_modified_gmt = %s, post_modified = %s WHERE ID IN ($list)", $gmt, get_date_from_gmt($gmt)));
  wp_cache_flush();
}

$args = array_slice($argv, 2);
switch ($argv[1]) {
  case 'install': // prints the application password
    require_once ABSPATH . 'wp-admin/includes/upgrade.php';
    wp_install('Test site', 'admin', 'admin@example.org', true, '', 'not used');
    update_option('timezone_string', 'Asia/Kolkata'); // a zone with half an hour: a stamp in local time shows at once
    update_option('permalink_structure', '/%postname%/'); // for the address /wp-json
    wp_delete_post(1, true);
    list($password) = WP_Application_Passwords::create_new_application_password(1, ['name' => 'perilune']);
    echo $password, "\n";
    break;
  case 'seed': // seed COUNT EQUAL: posts of all kinds; EQUAL of them, across a page's edge, have one stamp
    list($count, $equal) = array_map('intval', $args);
    $made = 0;
    for ($n = 1; $n <= $count; $n++) {
      $status = $n % 10 == 3 ? 'draft' : ($n % 25 == 7 ? 'private' : ($n % 25 == 9 ? 'pending' : 'publish'));
      $same = $n > 50 && $n <= 50 + $equal;
      $made += is_int(insert($n, $status, gmdate('Y-m-d H:i:s', 1700000000 + ($same ? 0 : $n * 61)))) ? 1 : 0;
    }
    echo $made, "\n";
    break;
  case 'touch': // touch FROM COUNT [STAMP]: new titles, all in one second; prints the stamp
    $ids = array_slice(get_posts(['numberposts' => -1, 'fields' => 'ids', 'post_status' => 'any', 'orderby' => 'ID', 'order' => 'ASC']), (int) $args[0], (int) $args[1]);
    $gmt = isset($args[2]) ? $args[2] : gmdate('Y-m-d H:i:s');
    foreach ($ids as $id) $wpdb->update($wpdb->posts, ['post_title' => get_post($id)->post_title . ' again'], ['ID' => $id]);
    touch_all($ids, $gmt);
    echo $gmt, "\n";
    break;
  case 'delete': // delete FROM COUNT: for good
    $ids = array_slice(get_posts(['numberposts' => -1, 'fields' => 'ids', 'post_status' => 'any', 'orderby' => 'ID', 'order' => 'ASC']), (int) $args[0], (int) $args[1]);
    foreach ($ids as $id) wp_delete_post($id, true);
    echo count($ids), "\n";
    break;
  case 'ids': // ids FROM COUNT
    echo json_encode(array_slice(get_posts(['numberposts' => -1, 'fields' => 'ids', 'post_status' => 'any', 'orderby' => 'ID', 'order' => 'ASC']), (int) $args[0], (int) $args[1])), "\n";
    break;
  case 'fault': // fault JSON
    update_option('real_fault', $args[0]);
    echo "ok\n";
    break;
  default:
    fwrite(STDERR, "site.php: no command {$argv[1]}\n");
    exit(2);
}
