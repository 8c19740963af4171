<?php
// A plugin of the test site that does to a list what a busy site does while somebody reads it. The option `real_fault` says what, once:
//   {"pages": 1}                   says one page more than there are, so that the reader asks past the end (WordPress itself then answers)
//   {"page": 2, "delete": [1, 2]}  deletes these posts for good as soon as that page has been answered
add_filter('rest_post_dispatch', function ($response, $server, $request) {
  if ($request->get_route() !== '/wp/v2/posts' || $request->get_method() !== 'GET') return $response;
  $fault = json_decode(get_option('real_fault', ''), true);
  if (!$fault || is_array($request['include']) && $request['include']) return $response;
  if (isset($fault['pages']) && !$response->is_error()) {
    $headers = $response->get_headers();
    $response->header('X-WP-TotalPages', $headers['X-WP-TotalPages'] + $fault['pages']);
  } elseif (isset($fault['page']) && (int) $request['page'] === $fault['page']) {
    update_option('real_fault', '');
    foreach ($fault['delete'] as $id) wp_delete_post($id, true);
  }
  return $response;
}, 10, 3);
