import BloxTrace
