"""What nurture does, one service a module: load facts, ask the engine, record in one transaction.

Where to look, by what it is about; a module that is missing here, or gone, fails a test.

- shared by all: runtime published facts spread presence
- the two loops: advance record enroll | deliver compose stages senders keep manners caps pacing domains refusals dead
  caught doubt once_more dkim_keys | hooks endpoints
- what happened: ingest effects tracking visits batches storing scores segments segment_list dates watch reckoning
- what comes back: inbound mailbox provider_hooks report_list
- contacts: people directory add_contact import_contacts importing hands by_hand steering shown
- permission: permission suppressing suppressing_list question | their_page recipient choosing chosen leaving coming_back
- a person's rights: rights erasing retention
- offers and forms: offers offer_forms offer_board requests downloads
- calls: assign calls call_queue call_card digest notices
- one contact's story: path journeys marks marking picture became visit_words | why known outlook ahead step_answer under_way
- the files: project_files folder drafts check message_check language_check copy_check editor starter preview
  template_pages own_pages
- going live: planning plan_values plan_words plan_recent wishes forecast forecast_play newcomers warm_ups | publish migration
  release_list compare workflows breaker
- rehearsing: rehearsal stand_in made_up when | walk walk_world walk_words walk_story walk_page walk_choices walk_recent
  what_ifs | scenarios scenario_words junit | simulate simulate_words simulate_page observed | replay replay_words
- running it: needs doctor preflight overview delivery_list pausing brakes clock
- who works with it: accounts crew tokens
- the demo: demo
"""
