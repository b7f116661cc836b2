// SPDX-License-Identifier: MIT
// Everything but the transport (sluice/net), the tokens (sluice/auth) and the test kit (sluice/testing).
#pragma once

#include "sluice/consumer/application.hpp"
#include "sluice/consumer/consumer.hpp"
#include "sluice/consumer/host.hpp"
#include "sluice/consumer/json_consumer.hpp"
#include "sluice/consumer/middleware.hpp"
#include "sluice/consumer/router.hpp"
#include "sluice/core/block_on.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/core/log.hpp"
#include "sluice/core/worker_pool.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/page/broadcasts.hpp"
#include "sluice/page/core_consumer.hpp"
#include "sluice/page/page.hpp"
#include "sluice/page/page_registry.hpp"
#include "sluice/version.hpp"
