-- Whether a badge that runs out has been renewed: its learner is asked to renew it no more.
create index notices_renews on notices ((facts ->> 'renews')) where facts ->> 'renews' is not null;
