// SPDX-License-Identifier: MIT
#include "03_table_pages/wire.hpp"

#include "03_table_pages/pages.hpp"
#include "support/catch.hpp"

TEST_CASE("the table example describes the pages that its registry has", "[examples]") {
  Database database(":memory:");
  sluice::WorkerPool thread(1);
  const Pages pages(Records{database, thread});
  CHECK(describe().differences(*pages.registry) == std::vector<std::string>{});
}
