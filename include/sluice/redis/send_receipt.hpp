// SPDX-License-Identifier: MIT
// SendReceipt belongs to every layer with a bus.
#pragma once

#include "sluice/layer/send_receipt.hpp"
