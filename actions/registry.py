"""Builds rasa-sdk's executor with every action of the domain."""

from __future__ import annotations

from rasa_sdk.executor import ActionExecutor

from actions.address import SubmitAddress
from actions.after_sales import SubmitAfterSales
from actions.cancel import SubmitCancel
from actions.coupons import ShowCoupons
from actions.goal_action import GoalAction
from actions.greet import GreetCustomer
from actions.invoice import SubmitInvoice
from actions.knowledge import AnswerOutOfScope, AnswerQuestion, DefaultFallback, HandleBadAnswer
from actions.list_orders import AskOrderNumber, ListOrders
from actions.order_access import OrderAccess
from actions.order_forms import (
    ValidateAddressForm,
    ValidateAfterSalesForm,
    ValidateCancelForm,
    ValidateInvoiceForm,
    ValidateOrderForm,
)
from actions.payment import HelpPayment
from actions.people import DeclineOffer, HandleComplaint, HandToHuman, SayGoodbye, StopForm, TakeOffer
from actions.ports import ActionPorts
from actions.products import AnswerProduct
from actions.show_order import ShowOrder

ACTIONS: tuple[type[GoalAction], ...] = (
    GreetCustomer,
    SayGoodbye,
    StopForm,
    TakeOffer,
    DeclineOffer,
    AnswerQuestion,
    AnswerProduct,
    DefaultFallback,
    AnswerOutOfScope,
    HandleBadAnswer,
    HandToHuman,
    HandleComplaint,
    AskOrderNumber,
    ShowOrder,
    ListOrders,
    SubmitAfterSales,
    SubmitInvoice,
    SubmitAddress,
    SubmitCancel,
    ShowCoupons,
    HelpPayment,
    ValidateOrderForm,
    ValidateAfterSalesForm,
    ValidateInvoiceForm,
    ValidateAddressForm,
    ValidateCancelForm,
)


def build_executor(ports: ActionPorts) -> ActionExecutor:
    """Build the executor that serves Rasa's action calls."""
    executor = ActionExecutor()
    access = OrderAccess(ports.orders, ports.clock)
    for action in ACTIONS:
        executor.register_action(action(ports, access))
    return executor
