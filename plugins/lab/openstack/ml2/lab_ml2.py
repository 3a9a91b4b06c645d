"""Binds every port to the one host of the lab: there are no agents that could."""
import gc

from neutron.plugins.ml2 import ovo_rpc
from neutron_lib import constants
from neutron_lib.api.definitions import portbindings
from neutron_lib.plugins.ml2 import api
from sqlalchemy import orm


class LabMechanism(api.MechanismDriver):

    connectivity = portbindings.CONNECTIVITY_L2

    def initialize(self):
        # A GET of ports fails when it is the first request of all, as some of
        # their attributes appear only now.
        orm.configure_mappers()
        # Neutron is what the lab waits for: no agents need be told of changes,
        # and a heap that hardly changes need not be searched so often.
        ovo_rpc.OVOServerRpcInterface._setup_change_handlers = lambda self: None
        gc.set_threshold(50_000, 20, 50)

    def bind_port(self, context):
        segment = next(iter(context.segments_to_bind), None)
        if segment:
            context.set_binding(segment[api.ID], portbindings.VIF_TYPE_BRIDGE, {portbindings.CAP_PORT_FILTER: True},
                                status=constants.PORT_STATUS_ACTIVE)
